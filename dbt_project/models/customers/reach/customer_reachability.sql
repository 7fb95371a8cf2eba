-- Who can be reached how, and may be. A channel needs something to address the person by, in WeCom a friend of today;
-- marketing needs a consent for the channel or for any, service only that nobody withdrew it. Of consent and withdrawal the
-- withdrawal holds, whichever is newer: the same as at an export (models/audiences/suppression.py), which asks the live ledgers.
with customers as (
    select * from {{ ref('customers') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

consents as (
    select * from {{ ref('customer_consents') }}
),

suppressions as (
    select * from {{ ref('stg_store__suppressions') }}
),

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

friend_losses as (
    select * from {{ ref('friend_losses') }}
),

app_events as (
    select * from {{ ref('stg_mini_program__events') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

channels as (
    {% for channel in ['wecom', 'sms', 'phone', 'email', 'mini_program', 'official_account'] -%}
    select '{{ channel }}' as channel {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A follow-up that a pass still has may have been ended since: the vendor's push comes first.
last_losses as (
    select
        userid,
        external_userid,
        max(lost_at) as lost_at
    from friend_losses
    group by userid, external_userid
),

follow_ups as (
    select
        identifiers.customer_id,
        follows.is_current and (last_losses.lost_at is null or last_losses.lost_at < follows.followed_at) as is_friend,
        follows.followed_at,
        last_losses.lost_at
    from follows
    inner join identifiers
        on follows.external_userid = identifiers.identifier
        and identifiers.identifier_type = 'external_userid'
        and identifiers.is_owner
    left join last_losses
        on follows.userid = last_losses.userid
        and follows.external_userid = last_losses.external_userid
),

friends as (
    select
        customer_id,
        max(case when is_friend then 1 else 0 end) as is_friend,
        min(case when is_friend then followed_at end) as friend_since,
        max(lost_at) as lost_at
    from follow_ups
    group by customer_id
),

apps as (
    select distinct app_id from app_events
),

-- What a channel addresses a person by. There is no source that says who follows an official account.
points_by_kind as (
    select
        customer_id,
        'wecom' as channel,
        is_friend = 0 as is_lost,
        case when is_friend = 0 then lost_at else friend_since end as since
    from friends
    union all
    select
        identifiers.customer_id,
        channels.channel,
        false as is_lost,
        min(identifiers.first_seen_at) as since
    from identifiers
    inner join channels on channels.channel in ('sms', 'phone')
    where identifiers.identifier_type = 'phone'
    group by identifiers.customer_id, channels.channel
    union all
    select
        customer_id,
        'email' as channel,
        false as is_lost,
        first_seen_at as since
    from customers
    where trim(email) <> ''
    union all
    select
        identifiers.customer_id,
        'mini_program' as channel,
        false as is_lost,
        min(identifiers.first_seen_at) as since
    from identifiers
    inner join apps on substr(identifiers.identifier, 1, instr(identifiers.identifier, ':') - 1) = apps.app_id
    where identifiers.identifier_type = 'openid' and identifiers.is_owner
    group by identifiers.customer_id
),

decisions as (
    select
        consents.customer_id,
        channels.channel,
        max(case when consents.purpose = 'marketing' and consents.state = 'granted' then consents.decided_at end)
            as marketing_granted_at,
        max(case when consents.purpose = 'marketing' and consents.state = 'withdrawn' then consents.decided_at end)
            as marketing_withdrawn_at,
        max(case when consents.purpose = 'service' and consents.state = 'withdrawn' then consents.decided_at end)
            as service_withdrawn_at
    from consents
    inner join channels on consents.channel = channels.channel or consents.channel = 'any'
    where consents.purpose in ('marketing', 'service')
    group by consents.customer_id, channels.channel
),

-- Under any identifier of theirs, also one that is another's in the first place.
identifiers_on_the_list as (
    select
        identifiers.customer_id,
        suppressions.channel,
        suppressions.added_at
    from suppressions
    inner join identifiers
        on suppressions.identifier_type = identifiers.identifier_type
        and suppressions.identifier = identifiers.identifier
    union all
    select
        customers.customer_id,
        suppressions.channel,
        suppressions.added_at
    from suppressions
    inner join customers on suppressions.identifier = customers.email
    where suppressions.identifier_type = 'email'
),

blocks as (
    select
        identifiers_on_the_list.customer_id,
        channels.channel,
        min(identifiers_on_the_list.added_at) as added_at
    from identifiers_on_the_list
    inner join channels
        on identifiers_on_the_list.channel = channels.channel or identifiers_on_the_list.channel = 'any'
    group by identifiers_on_the_list.customer_id, channels.channel
),

known as (
    select
        customers.customer_id,
        channels.channel,
        case
            when points_by_kind.customer_id is null then 'no_contact_point'
            when points_by_kind.is_lost then 'friend_lost'
            when customers.birth_date > cast(this_run.business_date - interval 14 year as date) then 'under_14'
        end as obstacle,
        points_by_kind.since,
        decisions.marketing_granted_at,
        decisions.marketing_withdrawn_at,
        decisions.service_withdrawn_at,
        blocks.added_at as blocked_at
    from customers
    cross join channels
    cross join this_run
    left join points_by_kind
        on customers.customer_id = points_by_kind.customer_id
        and channels.channel = points_by_kind.channel
    left join decisions
        on customers.customer_id = decisions.customer_id
        and channels.channel = decisions.channel
    left join blocks
        on customers.customer_id = blocks.customer_id
        and channels.channel = blocks.channel
),

judged as (
    select
        known.*,
        case
            when obstacle is not null then obstacle
            when marketing_withdrawn_at is not null then 'withdrawn'
            when marketing_granted_at is null then 'no_consent'
            when blocked_at is not null then 'do_not_contact'
        end as marketing_reason,
        case
            when obstacle is not null then obstacle
            when service_withdrawn_at is not null then 'withdrawn'
            when blocked_at is not null then 'do_not_contact'
        end as service_reason
    from known
),

customer_reachability as (
    select
        customer_id,
        channel,
        marketing_reason,
        service_reason,
        marketing_reason is null as is_marketing_reachable,
        service_reason is null as is_service_reachable,
        case
            when marketing_reason is null then greatest(since, marketing_granted_at)
            when marketing_reason = 'friend_lost' then since
            when marketing_reason = 'withdrawn' then marketing_withdrawn_at
            when marketing_reason = 'do_not_contact' then blocked_at
        end as marketing_since,
        case
            when service_reason is null or service_reason = 'friend_lost' then since
            when service_reason = 'withdrawn' then service_withdrawn_at
            when service_reason = 'do_not_contact' then blocked_at
        end as service_since
    from judged
)

select * from customer_reachability
