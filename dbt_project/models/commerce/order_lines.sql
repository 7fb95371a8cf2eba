{{ config(materialized='incremental_by_key', by=['order_key']) }}
{{ touched([
    changed(ref('stg_channels__order_lines'), ['order_key']),
    changed(ref('record_customers'), ['substr(record_id, 8)']) ~ " where record_id like 'orders:%'",
]) }}
with lines as (
    select staged.* from {{ ref('stg_channels__order_lines') }} as staged
    {{ only_touched(['staged.order_key']) }}
),

order_customers as (
    select
        substr(record_id, 8) as order_key,
        customer_id
    from {{ ref('record_customers') }} as known
    {{ only_touched(['substr(known.record_id, 8)']) }}
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
        lines.order_points_amount,
        lines.is_sale,
        lines.ordered_at,
        lines.paid_at,
        lines.sold_at
    from lines
    left join order_customers on lines.order_key = order_customers.order_key
)

select * from order_lines
