-- Who bought where on which day, and on which day the person bought for the first time anywhere in the company.
with orders as (
    select * from {{ ref('orders') }}
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

bought as (
    select
        {{ customer_number('orders.customer_id') }} as customer_number,
        orders.customer_id,
        orders.store_id,
        {{ civil_day('orders.sold_at') }} as metric_date,
        count(*) as orders
    from orders
    inner join stores on orders.store_id = stores.store_id
    cross join this_run
    where orders.is_sale and orders.customer_id is not null
    group by all
),

first_days as (
    select
        customer_number,
        min(metric_date) as first_bought_on
    from bought
    group by customer_number
),

buyer_days as (
    select
        bought.*,
        places.region,
        {{ sales_channel('places.store_type') }} as channel,
        first_days.first_bought_on
    from bought
    inner join first_days on bought.customer_number = first_days.customer_number
    inner join store_periods as places
        on bought.store_id = places.store_id
        and places.valid_from <= bought.metric_date
        and bought.metric_date < places.valid_to
)

select * from buyer_days
