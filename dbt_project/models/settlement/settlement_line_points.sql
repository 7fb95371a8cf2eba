{{ config(materialized='incremental_by_key', by=['order_key']) }}
{{ touched([
    changed(ref('order_lines'), ['order_key']),
]) }}
-- Grain: order_line_id, of lines of orders that points paid a part of. What the points of the order are worth, given to its
-- lines by largest remainder on what was paid for each; never more than was paid.
with order_lines as (
    select lines.* from {{ ref('order_lines') }} as lines
    {{ only_touched(['lines.order_key']) }}
    where lines.is_sale and lines.paid_amount > 0
),

orders as (
    select
        order_line_id,
        order_key,
        currency,
        paid_amount as weight,
        cast(sum(paid_amount) over (partition by order_key, currency) as bigint) as weight_total,
        max(coalesce(order_points_amount, 0)) over (partition by order_key, currency) as order_points_amount,
        row_number() over (partition by order_key, currency order by coalesce(line_no, ''), order_line_id) as tie_no
    from order_lines
),

with_points as (
    select
        *,
        least(order_points_amount, weight_total) as size
    from orders
    where order_points_amount > 0
),

shared as (
    {{ largest_remainder_rows('with_points', 'size', 'weight', 'weight_total', ['order_key', 'currency'], 'tie_no') }}
),

final as (
    select
        order_line_id,
        order_key,
        currency,
        cast(share as bigint) as points_amount
    from shared
)

select * from final
