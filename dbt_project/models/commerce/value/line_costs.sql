{{ config(materialized='incremental_by_key', by=['order_key']) }}
{{ touched([
    changed(ref('sold_lines'), ['order_key']),
    changed(ref('order_charges'), ['order_key']) ~ " where source = 'costs'",
    meets_changed(ref('sold_lines'), ['order_key'], ref('product_cost_spans'), ['product_id']),
    at_changed_rates(ref('sold_lines'), ['currency', 'sold_on'], ['to_currency', 'day']),
]) }}
-- Grain: (order_line_id, kind). What products cost on the day of the sale: quantity x unit cost, half up, negative. amount is
-- null when the cost is in another currency and no rate of that time is known: then the line has no such component.
with sold_lines as (
    select sold.* from {{ ref('sold_lines') }} as sold
    {{ only_touched(['sold.order_key']) }}
),

spans as (
    select * from {{ ref('product_cost_spans') }}
),

own_costs as (
    select distinct product_id, store_id from spans
    where store_id <> '*'
),

order_charges as (
    select charges.* from {{ ref('order_charges') }} as charges
    {{ only_touched(['charges.order_key']) }}
),

-- the cost of an order itself goes before those of its products
order_costs as (
    select distinct order_key, kind
    from order_charges
    where source = 'costs' and order_key is not null
),

fx_days as (
    select * from {{ ref('fx_days') }}
),

components as (
    select * from {{ source('lake', 'value_components') }}
    where source = 'costs'
),

priced as (
    select
        sold_lines.order_line_id,
        sold_lines.order_key,
        sold_lines.store_id,
        sold_lines.channel,
        sold_lines.customer_id,
        sold_lines.product_id,
        sold_lines.currency,
        spans.kind,
        spans.cost_id,
        spans.cost_currency,
        sold_lines.paid_amount,
        {{ line_value('sold_lines.quantity', 'spans.unit_cost', 'spans.cost_currency') }} as cost_amount,
        sold_lines.sold_on
    from sold_lines
    left join own_costs
        on sold_lines.product_id = own_costs.product_id
        and sold_lines.store_id = own_costs.store_id
    inner join spans
        on sold_lines.product_id = spans.product_id
        and coalesce(own_costs.store_id, '*') = spans.store_id
        and sold_lines.currency = spans.currency
        and sold_lines.sold_on >= spans.starts_on
        and (spans.ends_before is null or sold_lines.sold_on < spans.ends_before)
    left join order_costs
        on sold_lines.order_key = order_costs.order_key
        and spans.kind = order_costs.kind
    where order_costs.order_key is null
),

line_costs as (
    select
        priced.order_line_id,
        priced.order_key,
        priced.store_id,
        priced.channel,
        priced.customer_id,
        priced.product_id,
        priced.currency,
        priced.kind,
        coalesce(components.component, 'cost') as component,
        priced.cost_id,
        priced.cost_currency,
        priced.paid_amount,
        priced.cost_amount,
        case
            when priced.cost_currency = priced.currency then -priced.cost_amount
            else -{{ in_other_currency('priced.cost_amount', 'priced.cost_currency', 'priced.currency', 'fx_days') }}
        end as amount,
        -- without this kind the cost of a line is not known, whatever else is
        coalesce(components.proves_known, false) as proves_known,
        priced.sold_on
    from priced
    left join components on priced.kind = components.kind
    left join fx_days
        on priced.cost_currency = fx_days.from_currency
        and priced.currency = fx_days.to_currency
        and priced.sold_on = fx_days.day
)

select * from line_costs
