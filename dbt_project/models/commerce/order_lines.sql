with lines as (
    select * from {{ ref('stg_channels__order_lines') }}
),

order_customers as (
    select
        substr(record_id, 8) as order_key,
        customer_id
    from {{ ref('record_customers') }}
    where record_id like 'orders:%'
),

order_lines as (
    select
        lines.order_line_id,
        lines.order_key,
        lines.order_id,
        lines.line_no,
        lines.store_id,
        order_customers.customer_id,
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
    left join order_customers on lines.order_key = order_customers.order_key
)

select * from order_lines
