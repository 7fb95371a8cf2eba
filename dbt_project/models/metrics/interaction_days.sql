-- The timeline once, by customer, day, store and channel: both what happened and who was active come from it. A customer
-- has a number here.
with interactions as (
    select * from {{ ref('interactions') }}
),

interaction_kinds as (
    select * from {{ source('lake', 'interaction_kinds') }}
),

numbers as (
    select * from {{ ref('customer_numbers') }}
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

happened as (
    select
        numbers.customer_number,
        {{ civil_day('interactions.occurred_at') }} as metric_date,
        coalesce(stores.store_id, '') as store_id,
        coalesce(interactions.channel, '') as channel,
        count(*) as interactions,
        count(case when interaction_kinds.is_touch then 1 end) as own_acts,
        count(case when interactions.kind = 'message_received' then 1 end) as messages_received,
        count(case when interactions.kind = 'message_sent' then 1 end) as messages_sent
    from interactions
    inner join numbers on interactions.customer_id = numbers.customer_id
    inner join interaction_kinds on interactions.kind = interaction_kinds.kind
    cross join this_run
    left join stores on interactions.store_id = stores.store_id
    group by all
),

interaction_days as (
    select
        happened.*,
        coalesce(places.region, '') as region
    from happened
    left join store_periods as places
        on happened.store_id = places.store_id
        and places.valid_from <= happened.metric_date
        and happened.metric_date < places.valid_to
)

select * from interaction_days
