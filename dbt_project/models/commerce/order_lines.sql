with lines as (
    select * from {{ ref('stg_channels__order_lines') }}
),

record_customers as (
    select * from {{ ref('record_customers') }}
),

order_lines as (
    select
        lines.order_line_id,
        lines.order_key,
        lines.order_id,
        lines.line_no,
        lines.store_id,
        record_customers.customer_id,
        lines.product_id,
        lines.product_name,
        lines.salesperson_id,
        lines.status,
        lines.currency,
        lines.quantity,
        lines.unit_price,
        lines.discount,
        lines.paid_amount,
        lines.is_sale,
        lines.ordered_at,
        lines.paid_at,
        lines.sold_at
    from lines
    left join record_customers on 'orders:' || lines.order_key = record_customers.record_id
)

select * from order_lines
