with orders as (
    select * from {{ ref('orders') }}
),

published as (
    select
        order_key,
        order_id,
        store_id,
        customer_id,
        salesperson_id,
        status,
        currency,
        lines_count,
        paid_amount,
        refunded_amount,
        is_sale,
        ordered_on,
        ordered_at,
        paid_at
    from orders
)

select * from published
