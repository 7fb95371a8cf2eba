{{ config(materialized='incremental_by_key', by=['order_key']) }}
{{ touched([
    changed(ref('order_charges'), ['order_key']),
    changed(ref('sold_lines'), ['order_key']),
    at_changed_rates(ref('order_charges'), ['currency', 'charged_on'], ['from_currency', 'day']),
]) }}
-- Grain: (source, source_id, order_line_id). Charges of orders on their lines, in proportion to what was paid for each, by
-- largest remainder: the shares of a charge are the charge, to the minor unit. An order with lines in the charge's currency
-- bears it there; else the charge is converted to the order's one currency. A charge that would need a rate that is not known
-- has no rows.
with order_charges as (
    select charges.* from {{ ref('order_charges') }} as charges
    {{ only_touched(['charges.order_key']) }}
    where order_key is not null
),

sold_lines as (
    select sold.* from {{ ref('sold_lines') }} as sold
    {{ only_touched(['sold.order_key']) }}
),

fx_days as (
    select * from {{ ref('fx_days') }}
),

kinds_of_known_cost as (
    select kind from {{ source('lake', 'value_components') }}
    where proves_known
),

-- one row per order and currency of its lines
order_parts as (
    select
        order_key,
        currency,
        count(*) as lines_count,
        cast(sum(greatest(paid_amount, 0)) as bigint) as paid_amount
    from sold_lines
    group by order_key, currency
),

in_own_currency as (
    select
        order_charges.*,
        order_parts.lines_count,
        order_parts.paid_amount as order_paid_amount,
        order_charges.currency as line_currency,
        order_charges.amount as line_amount
    from order_charges
    inner join order_parts
        on order_charges.order_key = order_parts.order_key
        and order_charges.currency = order_parts.currency
),

charged_elsewhere as (
    select order_charges.*
    from order_charges
    left join order_parts
        on order_charges.order_key = order_parts.order_key
        and order_charges.currency = order_parts.currency
    where order_parts.order_key is null
),

order_currencies as (
    select
        order_parts.order_key,
        min(order_parts.lines_count) as lines_count,
        min(order_parts.paid_amount) as paid_amount,
        min(order_parts.currency) as currency,
        count(*) as currencies_count
    from order_parts
    inner join (
        select distinct order_key from charged_elsewhere
    ) as asked on order_parts.order_key = asked.order_key
    group by order_parts.order_key
),

in_another_currency as (
    select
        charges.*,
        orders.lines_count,
        orders.paid_amount as order_paid_amount,
        orders.currency as line_currency,
        case
            when orders.currencies_count > 1 then null
            when charges.amount < 0
                then -{{ in_other_currency('-charges.amount', 'charges.currency', 'orders.currency', 'fx_days') }}
            else {{ in_other_currency('charges.amount', 'charges.currency', 'orders.currency', 'fx_days') }}
        end as line_amount
    from charged_elsewhere as charges
    inner join order_currencies as orders on charges.order_key = orders.order_key
    left join fx_days
        on charges.currency = fx_days.from_currency
        and orders.currency = fx_days.to_currency
        and charges.charged_on = fx_days.day
),

converted as (
    select * from in_own_currency
    union all
    select * from in_another_currency
),

proving as (
    select
        converted.*,
        -- a fee, or the kind of cost without which the cost of a line is not known; what a refund gave back proves nothing
        (converted.component = 'fee' or kinds_of_known_cost.kind is not null) and not converted.is_of_refund as may_prove
    from converted
    left join kinds_of_known_cost on converted.kind = kinds_of_known_cost.kind
    where converted.line_amount is not null
),

-- All lines of an order bear the same charges in a currency: the first of them proves for each line.
numbered as (
    select
        *,
        may_prove and row_number() over (
            partition by order_key, line_currency, component, may_prove order by source, source_id
        ) = 1 as proves_known
    from proving
),

weighted as (
    select
        numbered.source,
        numbered.source_id,
        numbered.component,
        numbered.is_of_refund,
        numbered.charged_on,
        numbered.lines_count,
        numbered.line_amount,
        abs(numbered.line_amount) as size,
        lines.order_line_id,
        lines.order_key,
        lines.store_id,
        lines.channel,
        lines.customer_id,
        lines.product_id,
        lines.currency,
        lines.paid_amount,
        -- lines that are all free bear alike
        case when numbered.order_paid_amount = 0 then 1 else greatest(lines.paid_amount, 0) end as weight,
        case when numbered.order_paid_amount = 0 then numbered.lines_count else numbered.order_paid_amount end as weight_total,
        numbered.proves_known,
        lines.sold_on
    from numbered
    inner join sold_lines as lines
        on numbered.order_key = lines.order_key
        and numbered.line_currency = lines.currency
),

of_several_lines as (
    select * from weighted
    where lines_count > 1
),

shared as (
    {{ largest_remainder_rows('of_several_lines', 'size', 'weight', 'weight_total', whole=['source', 'source_id'], tie='order_line_id') }}
),

{%- set columns = [
    'order_line_id', 'order_key', 'store_id', 'channel', 'customer_id', 'product_id', 'currency', 'component', 'source',
    'source_id', 'is_of_refund', 'paid_amount', 'line_amount', 'proves_known', 'charged_on', 'sold_on',
] %}
borne as (
    select
        {{ columns | join(',\n        ') }},
        share
    from shared
    union all
    -- an only line bears all
    select
        {{ columns | join(',\n        ') }},
        size as share
    from weighted
    where lines_count = 1
),

line_charges as (
    select
        order_line_id,
        order_key,
        store_id,
        channel,
        customer_id,
        product_id,
        currency,
        component,
        source,
        source_id,
        is_of_refund,
        paid_amount,
        case when line_amount < 0 then -share else share end as amount,
        -- what a refund causes belongs to its own day, everything else to the day of the sale
        case when is_of_refund then charged_on else sold_on end as posted_on,
        proves_known
    from borne
)

select * from line_charges
