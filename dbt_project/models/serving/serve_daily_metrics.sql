-- Sales on the day of payment, refunds on the day of acceptance, both in the store's civil time.
with order_lines as (
    select * from {{ ref('order_lines') }}
),

refunds as (
    select * from {{ ref('refunds') }}
),

stores as (
    select * from {{ ref('stores') }}
),

sales as (
    select
        order_key,
        store_id,
        currency,
        sold_at,
        count(*) as lines_count,
        cast(sum(paid_amount) as bigint) as paid_amount
    from order_lines
    where is_sale
    group by order_key, store_id, currency, sold_at
),

facts as (
    select
        {{ local_date('sales.sold_at', 'stores.timezone') }} as metric_date,
        sales.store_id,
        sales.currency,
        sales.order_key,
        sales.lines_count,
        sales.paid_amount,
        cast(0 as bigint) as refunds_count,
        cast(0 as bigint) as refunded_amount
    from sales
    inner join stores on sales.store_id = stores.store_id
    union all
    select
        refunded_on as metric_date,
        store_id,
        currency,
        cast(null as string) as order_key,
        cast(0 as bigint) as lines_count,
        cast(0 as bigint) as paid_amount,
        cast(1 as bigint) as refunds_count,
        refund_amount as refunded_amount
    from refunds
),

daily_metrics as (
    select
        metric_date,
        store_id,
        currency,
        count(distinct order_key) as orders_count,
        cast(sum(lines_count) as bigint) as lines_count,
        cast(sum(paid_amount) as bigint) as paid_amount,
        cast(sum(refunds_count) as bigint) as refunds_count,
        cast(sum(refunded_amount) as bigint) as refunded_amount
    from facts
    group by metric_date, store_id, currency
)

select * from daily_metrics
