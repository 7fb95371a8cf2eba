-- The timeline once, by customer, day, store and channel: both what happened and who was active come from it. A customer
-- has a number here, which is compared faster than its id.
with interactions as (
    select * from {{ ref('interactions') }}
),

customers as (
    select * from {{ ref('customers') }}
),

stores as (
    select * from {{ ref('stores') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

numbers as (
    select
        customer_id,
        cast(row_number() over (order by customer_id) as bigint) as customer_number
    from customers
),

interaction_days as (
    select
        numbers.customer_number,
        {{ civil_day('interactions.occurred_at') }} as metric_date,
        coalesce(stores.store_id, '') as store_id,
        coalesce(interactions.channel, '') as channel,
        coalesce(min(stores.region), '') as region,
        count(*) as interactions,
        count(case when interactions.kind not in {{ acts_of_the_company() }} then 1 end) as own_acts,
        count(case when interactions.kind = 'message_received' then 1 end) as messages_received,
        count(case when interactions.kind = 'message_sent' then 1 end) as messages_sent
    from interactions
    inner join numbers on interactions.customer_id = numbers.customer_id
    cross join this_run
    left join stores on interactions.store_id = stores.store_id
    group by all
)

select * from interaction_days
