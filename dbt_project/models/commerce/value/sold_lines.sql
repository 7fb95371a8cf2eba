-- Grain: order_line_id. Every line that was sold, with what its contribution is counted by: place, product, the store's civil
-- day of the sale, and the amount before discount.
with order_lines as (
    select * from {{ ref('order_lines') }}
),

stores as (
    select * from {{ ref('stores') }}
),

sold_lines as (
    select
        order_lines.order_line_id,
        order_lines.order_key,
        order_lines.order_id,
        order_lines.store_id,
        {{ sales_channel('stores.store_type') }} as channel,
        order_lines.customer_id,
        order_lines.product_id,
        order_lines.currency,
        order_lines.quantity,
        -- a line without a unit price says what was paid and what was taken off
        coalesce(
            {{ line_value('order_lines.quantity', 'order_lines.unit_price', 'order_lines.currency') }},
            order_lines.paid_amount + coalesce(order_lines.discount, 0)
        ) as list_amount,
        order_lines.paid_amount,
        {{ local_date('order_lines.sold_at', 'stores.timezone') }} as sold_on,
        order_lines.sold_at
    from order_lines
    inner join stores on order_lines.store_id = stores.store_id
    where order_lines.is_sale
)

select * from sold_lines
