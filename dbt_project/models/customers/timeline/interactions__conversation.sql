-- Messages and calls between one of the staff and one person. In a chat between two a message has one receiver. What only
-- says something of the archive itself (taken back, agreed to) is no message.
with messages as (
    select * from {{ ref('stg_chat__messages') }}
),

-- by what came in, whatever the message says of their number
receivers as (
    select
        corp_id,
        msgid,
        min(receiver_id) as receiver_id,
        min(receiver_kind) as receiver_kind
    from {{ ref('stg_chat__receivers') }}
    group by corp_id, msgid
    having count(*) = 1
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

identifiers as (
    select people.* from {{ ref('customer_identifiers') }} as people
    {{ only_touched(['people.customer_id']) }}
    where identifier_type = 'external_userid' and is_owner
),

between_two as (
    select
        messages.corp_id,
        messages.msgid,
        messages.kind,
        messages.is_recalled,
        case when messages.from_kind = 'external' then messages.from_id else receivers.receiver_id end as external_userid,
        case when messages.from_kind = 'external' then receivers.receiver_id else messages.from_id end as account_userid,
        case
            when messages.kind in ('voiptext', 'meeting_voice_call') then 'call'
            when messages.from_kind = 'external' then 'message_received'
            else 'message_sent'
        end as happened,
        case when messages.from_kind = 'external' then 'customer' else 'staff' end as actor,
        messages.sent_at
    from messages
    inner join receivers
        on messages.corp_id = receivers.corp_id
        and messages.msgid = receivers.msgid
    where messages.room_id is null
        and messages.action = 'send'
        and messages.receivers_count = 1
        and messages.kind not in ('revoke', 'agree', 'disagree')
        and (
            (messages.from_kind = 'external' and receivers.receiver_kind = 'staff')
            or (messages.from_kind = 'staff' and receivers.receiver_kind = 'external')
        )
),

interactions__conversation as (
    select
        identifiers.customer_id,
        between_two.happened as kind,
        between_two.actor,
        'wecom' as channel,
        staff_periods.store_id,
        coalesce(accounts.userid, between_two.account_userid) as staff_id,
        'message' as object_type,
        between_two.corp_id || ':' || between_two.msgid as object_id,
        case
            when between_two.happened = 'call' then 'call'
            else {{ message_text_key('between_two.happened', 'between_two') }}
        end as text_key,
        cast(null as string) as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        between_two.sent_at as occurred_at
    from between_two
    inner join identifiers on between_two.external_userid = identifiers.identifier
    left join accounts
        on between_two.corp_id = accounts.corp_id
        and between_two.account_userid = accounts.account_userid
    left join staff_periods
        on coalesce(accounts.userid, between_two.account_userid) = staff_periods.staff_id
        and staff_periods.starts_at <= between_two.sent_at
        and between_two.sent_at < staff_periods.ends_at
)

select * from interactions__conversation
