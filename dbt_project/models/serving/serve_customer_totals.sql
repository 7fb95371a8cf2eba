-- Added within one currency and one store only.
with order_lines as (
    select * from {{ ref('order_lines') }}
),

refunds as (
    select * from {{ ref('refunds') }}
),

facts as (
    select
        customer_id,
        store_id,
        currency,
        order_key,
        paid_amount,
        cast(0 as bigint) as refunded_amount,
        sold_at
    from order_lines
    where is_sale and customer_id is not null
    union all
    select
        customer_id,
        store_id,
        currency,
        cast(null as string) as order_key,
        cast(0 as bigint) as paid_amount,
        refund_amount as refunded_amount,
        cast(null as timestamp) as sold_at
    from refunds
    where customer_id is not null
),

customer_totals as (
    select
        customer_id,
        store_id,
        currency,
        count(distinct order_key) as orders_count,
        cast(sum(paid_amount) as bigint) as paid_amount,
        cast(sum(refunded_amount) as bigint) as refunded_amount,
        max(sold_at) as last_order_at
    from facts
    group by customer_id, store_id, currency
)

select * from customer_totals
