-- People who came: customers on the day on which they were first seen, members on the day of joining; and what they decided
-- of being written to.
with customers as (
    select * from {{ ref('customers') }}
),

members as (
    select * from {{ ref('stg_files__members') }}
),

consents as (
    select * from {{ ref('stg_store__consents') }}
),

stores as (
    select * from {{ ref('stores') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

facts as (
    select
        'new_customers' as fact,
        first_seen_at as happened_at,
        home_store_id as store_id,
        cast(null as string) as channel
    from customers
    where first_seen_at is not null
    union all
    select
        'members_joined' as fact,
        joined_at as happened_at,
        store_id,
        source as channel
    from members
    union all
    select
        'consents_' || state as fact,
        decided_at as happened_at,
        cast(null as string) as store_id,
        channel
    from consents
),

counted as (
    select
        {{ civil_day('facts.happened_at') }} as metric_date,
        stores.store_id,
        facts.channel,
        count(case when facts.fact = 'new_customers' then 1 end) as new_customers,
        count(case when facts.fact = 'members_joined' then 1 end) as members_joined,
        count(case when facts.fact = 'consents_granted' then 1 end) as consents_granted,
        count(case when facts.fact = 'consents_withdrawn' then 1 end) as consents_withdrawn
    from facts
    cross join this_run
    left join stores on facts.store_id = stores.store_id
    group by all
),

days as (
    {{ in_their_region('counted') }}
),

metric_days as (
    {{ one_row_a_metric(
        'days',
        ['new_customers', 'members_joined', 'consents_granted', 'consents_withdrawn'],
        ['store_id', 'region', 'channel'],
        currency=false,
    ) }}
)

select * from metric_days
