-- Mass messages that reached a person. One that went to a group is nobody's alone.
with message_sends as (
    select * from {{ ref('stg_wecom__message_sends') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

identifiers as (
    select people.* from {{ ref('customer_identifiers') }} as people
    {{ only_touched(['people.customer_id']) }}
    where identifier_type = 'external_userid' and is_owner
),

interactions__campaign as (
    select
        identifiers.customer_id,
        'campaign_sent' as kind,
        'company' as actor,
        'wecom' as channel,
        staff_periods.store_id,
        message_sends.userid as staff_id,
        'mass_message' as object_type,
        message_sends.corp_id || ':' || message_sends.msgid
            || ':' || {{ order_key('message_sends.userid', 'message_sends.external_userid') }} as object_id,
        'campaign_sent' as text_key,
        cast(null as string) as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        message_sends.sent_at as occurred_at
    from message_sends
    inner join identifiers on message_sends.external_userid = identifiers.identifier
    left join staff_periods
        on message_sends.userid = staff_periods.staff_id
        and staff_periods.starts_at <= message_sends.sent_at
        and message_sends.sent_at < staff_periods.ends_at
    where message_sends.status = 1 and message_sends.sent_at is not null
)

select * from interactions__campaign
