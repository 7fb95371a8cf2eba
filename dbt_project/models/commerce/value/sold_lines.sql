{{ config(materialized='incremental_by_key', by=['order_key']) }}
{{ touched([
    changed(ref('order_lines'), ['order_key']),
    meets_changed(ref('order_lines'), ['order_key'], ref('stores'), ['store_id']),
    meets_changed(ref('order_lines'), ['order_key'], ref('store_periods'), ['store_id']),
]) }}
-- Grain: order_line_id. Every line that was sold, with what its contribution is counted by: place, product, the store's civil
-- day of the sale, and the amount before discount.
with order_lines as (
    select lines.* from {{ ref('order_lines') }} as lines
    {{ only_touched(['lines.order_key']) }}
),

stores as (
    select * from {{ ref('stores') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

dated as (
    select
        order_lines.order_line_id,
        order_lines.order_key,
        order_lines.order_id,
        order_lines.store_id,
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
),

sold_lines as (
    select
        dated.order_line_id,
        dated.order_key,
        dated.order_id,
        dated.store_id,
        {{ sales_channel('places.store_type') }} as channel,
        dated.customer_id,
        dated.product_id,
        dated.currency,
        dated.quantity,
        dated.list_amount,
        dated.paid_amount,
        dated.sold_on,
        dated.sold_at
    from dated
    inner join store_periods as places
        on dated.store_id = places.store_id
        and places.valid_from <= dated.sold_on
        and dated.sold_on < places.valid_to
)

select * from sold_lines
