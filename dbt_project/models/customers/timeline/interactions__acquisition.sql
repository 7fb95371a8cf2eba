-- How people came, and how they went: leads and their ends, acquisition links, contacts added and lost.
-- A person who comes by a link is added at that moment: the link itself has no time. Who was lost is known from the vendor's
-- pushes alone: a pass that misses a contact does not say since when.
with leads as (
    select
        *,
        {{ lead_end('stage') }} as lead_end
    from {{ ref('stg_files__leads') }}
),

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

link_customers as (
    select * from {{ ref('stg_wecom__link_customers') }}
),

wecom_events as (
    select * from {{ ref('stg_wecom__events') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

record_customers as (
    select people.* from {{ ref('record_customers') }} as people
    {{ only_touched(['people.customer_id']) }}
),

identifiers as (
    select people.* from {{ ref('customer_identifiers') }} as people
    {{ only_touched(['people.customer_id']) }}
    where identifier_type = 'external_userid' and is_owner
),

leads_of_customers as (
    select
        record_customers.customer_id,
        leads.*
    from leads
    inner join record_customers on 'leads:' || leads.lead_id = record_customers.record_id
),

-- A form is filled in by the person; any other lead is written down by somebody.
came_in as (
    select
        customer_id,
        case
            when lower(trim(source)) in ('form', 'website', 'web', 'landing_page', 'h5', 'mini_program')
                or source like '%表单%' or source like '%官网%' or source like '%落地页%' or source like '%小程序%'
                then 'form_submitted'
            else 'lead_created'
        end as kind,
        source,
        store_id,
        staff_id,
        lead_id,
        case when interest is not null then {{ arguments({'interest': 'interest'}) }} end as arguments,
        created_at
    from leads_of_customers
),

leads_created as (
    select
        customer_id,
        kind,
        case when kind = 'form_submitted' then 'customer' else 'company' end as actor,
        coalesce(source, 'lead') as channel,
        store_id,
        staff_id,
        'lead' as object_type,
        lead_id as object_id,
        case when arguments is null then kind else kind || '.interest' end as text_key,
        arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        created_at as occurred_at
    from came_in
),

leads_ended as (
    select
        customer_id,
        lead_end as kind,
        'staff' as actor,
        coalesce(source, 'lead') as channel,
        store_id,
        staff_id,
        'lead' as object_type,
        lead_id as object_id,
        case when lead_end = 'lead_lost' and lost_reason is not null then 'lead_lost.reason' else lead_end end as text_key,
        case
            when lead_end = 'lead_lost' and lost_reason is not null then {{ arguments({'reason': 'lost_reason'}) }}
        end as arguments,
        case when lead_end = 'lead_won' and amount is not null then currency end as currency,
        case when lead_end = 'lead_won' then amount end as amount,
        closed_at as occurred_at
    from leads_of_customers
    where lead_end is not null and closed_at is not null
),

follows_of_customers as (
    select
        identifiers.customer_id,
        follows.corp_id,
        follows.userid,
        follows.external_userid,
        staff_periods.store_id,
        follows.add_way,
        follows.followed_at
    from follows
    inner join identifiers on follows.external_userid = identifiers.identifier
    left join staff_periods
        on follows.userid = staff_periods.staff_id
        and staff_periods.starts_at <= follows.followed_at
        and follows.followed_at < staff_periods.ends_at
),

contacts_added as (
    select
        customer_id,
        'contact_added' as kind,
        'customer' as actor,
        'wecom' as channel,
        store_id,
        userid as staff_id,
        'contact' as object_type,
        {{ order_key('userid', 'external_userid') }} as object_id,
        case add_way
            when 1 then 'contact_added.scan'
            when 2 then 'contact_added.phone'
            when 3 then 'contact_added.card'
            when 4 then 'contact_added.group'
            when 10 then 'contact_added.channels'
            when 16 then 'contact_added.link'
            when 201 then 'contact_added.colleague'
            when 202 then 'contact_added.admin'
            else 'contact_added'
        end as text_key,
        cast(null as string) as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        followed_at as occurred_at
    from follows_of_customers
),

links_arrived as (
    select
        follows_of_customers.customer_id,
        'link_arrived' as kind,
        'customer' as actor,
        'wecom' as channel,
        follows_of_customers.store_id,
        follows_of_customers.userid as staff_id,
        'link' as object_type,
        {{ key_part('link_customers.link_id') }}
            || ':' || {{ order_key('follows_of_customers.userid', 'follows_of_customers.external_userid') }} as object_id,
        case when link_customers.link_name is null then 'link_arrived' else 'link_arrived.link' end as text_key,
        case
            when link_customers.link_name is not null then {{ arguments({'link': 'link_customers.link_name'}) }}
        end as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        follows_of_customers.followed_at as occurred_at
    from link_customers
    inner join follows_of_customers
        on link_customers.corp_id = follows_of_customers.corp_id
        and link_customers.userid = follows_of_customers.userid
        and link_customers.external_userid = follows_of_customers.external_userid
),

contacts_lost as (
    select
        identifiers.customer_id,
        'contact_lost' as kind,
        case when wecom_events.change_type = 'del_follow_user' then 'customer' else 'staff' end as actor,
        'wecom' as channel,
        staff_periods.store_id,
        wecom_events.userid as staff_id,
        'contact' as object_type,
        wecom_events.corp_id || ':' || wecom_events.event_id as object_id,
        case
            when wecom_events.change_type = 'del_follow_user' then 'contact_lost'
            else 'contact_lost.staff'
        end as text_key,
        cast(null as string) as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        wecom_events.occurred_at
    from wecom_events
    inner join identifiers on wecom_events.external_userid = identifiers.identifier
    left join staff_periods
        on wecom_events.userid = staff_periods.staff_id
        and staff_periods.starts_at <= wecom_events.occurred_at
        and wecom_events.occurred_at < staff_periods.ends_at
    where wecom_events.event = 'change_external_contact'
        and wecom_events.change_type in ('del_follow_user', 'del_external_contact')
),

interactions__acquisition as (
    select * from leads_created
    union all
    select * from leads_ended
    union all
    select * from contacts_added
    union all
    select * from links_arrived
    union all
    select * from contacts_lost
)

select * from interactions__acquisition
