-- Sales on the day of payment. A line counts on its own day; an order once in each of its currencies, on the day on which
-- the first of its lines was sold.
with order_lines as (
    select * from {{ ref('order_lines') }}
),

orders as (
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

lines_sold as (
    select
        {{ civil_day('order_lines.sold_at') }} as metric_date,
        order_lines.store_id,
        order_lines.currency,
        sum(order_lines.paid_amount) as sales_amount,
        sum(case when order_lines.customer_id is not null then order_lines.paid_amount end) as identified_amount,
        count(*) as order_lines,
        sum(order_lines.quantity) as quantity
    from order_lines
    inner join stores on order_lines.store_id = stores.store_id
    cross join this_run
    where order_lines.is_sale
    group by all
),

orders_in_several_currencies as (
    select distinct
        orders.order_key,
        order_lines.currency
    from orders
    inner join order_lines on orders.order_key = order_lines.order_key
    where orders.currency is null and order_lines.is_sale
),

orders_sold as (
    select
        {{ civil_day('orders.sold_at') }} as metric_date,
        orders.store_id,
        coalesce(orders.currency, orders_in_several_currencies.currency) as currency,
        count(*) as orders,
        count(orders.customer_id) as identified_orders
    from orders
    left join orders_in_several_currencies on orders.order_key = orders_in_several_currencies.order_key
    inner join stores on orders.store_id = stores.store_id
    cross join this_run
    where orders.is_sale
    group by all
),

days as (
    select
        metric_date,
        store_id,
        currency,
        cast(sales_amount as bigint) as sales_amount,
        cast(identified_amount as bigint) as identified_amount,
        order_lines,
        cast(quantity * 1000 as bigint) as units,
        cast(0 as bigint) as orders,
        cast(0 as bigint) as identified_orders
    from lines_sold
    union all
    select
        metric_date,
        store_id,
        currency,
        cast(0 as bigint) as sales_amount,
        cast(0 as bigint) as identified_amount,
        cast(0 as bigint) as order_lines,
        cast(0 as bigint) as units,
        orders,
        identified_orders
    from orders_sold
),

placed as (
    select
        days.*,
        places.region,
        {{ sales_channel('places.store_type') }} as channel
    from days
    inner join store_periods as places
        on days.store_id = places.store_id
        and places.valid_from <= days.metric_date
        and days.metric_date < places.valid_to
),

metric_days as (
    {{ one_row_a_metric(
        'placed',
        ['sales_amount', 'identified_amount', 'order_lines', 'units', 'orders', 'identified_orders'],
        ['store_id', 'region', 'channel'],
    ) }}
)

select * from metric_days
