-- Grain: (component, source, source_id, order_line_id). What each line brought and cost, minor units of its currency, negative
-- when it was spent or given back. What is not known has no row. A view: its rows are several times those of the lines, and
-- every part of it is a table already. Spark keeps tables only.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
with sold_lines as (
    select * from {{ ref('sold_lines') }}
),

refunds as (
    select * from {{ ref('refunds') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

line_costs as (
    select * from {{ ref('line_costs') }}
),

line_charges as (
    select * from {{ ref('line_charges') }}
),

line_commissions as (
    select * from {{ ref('line_commissions') }}
),

refunded_lines as (
    select
        sold_lines.order_line_id,
        sold_lines.product_id
    from sold_lines
    inner join refunds on sold_lines.order_line_id = refunds.order_line_id
    group by sold_lines.order_line_id, sold_lines.product_id
),

revenue as (
    select
        order_line_id, order_key, store_id, channel, customer_id, product_id, currency,
        'revenue' as component, 'order_line' as source, order_line_id as source_id,
        list_amount as amount, paid_amount as covered_amount, 1 as covered_line, sold_on as posted_on
    from sold_lines
),

discount as (
    select
        order_line_id, order_key, store_id, channel, customer_id, product_id, currency,
        'discount' as component, 'order_line' as source, order_line_id as source_id,
        paid_amount - list_amount as amount, cast(0 as bigint) as covered_amount, 0 as covered_line, sold_on as posted_on
    from sold_lines
    where paid_amount <> list_amount
),

refund as (
    select
        refunds.order_line_id, refunds.order_key, refunds.store_id,
        {{ sales_channel('places.store_type') }} as channel,
        refunds.customer_id, coalesce(refunded_lines.product_id, refunds.product_id) as product_id, refunds.currency,
        'refund' as component, 'refund' as source, refunds.refund_line_id as source_id,
        -refunds.refund_amount as amount, cast(0 as bigint) as covered_amount, 0 as covered_line,
        refunds.refunded_on as posted_on
    from refunds
    inner join store_periods as places
        on refunds.store_id = places.store_id
        and places.valid_from <= refunds.refunded_on
        and refunds.refunded_on < places.valid_to
    left join refunded_lines on refunds.order_line_id = refunded_lines.order_line_id
    where refunds.refund_amount <> 0
),

cost as (
    select
        order_line_id, order_key, store_id, channel, customer_id, product_id, currency,
        component, 'costs' as source, cost_id as source_id,
        amount,
        case when proves_known then paid_amount else cast(0 as bigint) end as covered_amount,
        case when proves_known then 1 else 0 end as covered_line,
        sold_on as posted_on
    from line_costs
    where amount is not null
),

charge as (
    select
        order_line_id, order_key, store_id, channel, customer_id, product_id, currency,
        component, source, source_id,
        amount,
        case when proves_known then paid_amount else cast(0 as bigint) end as covered_amount,
        case when proves_known then 1 else 0 end as covered_line,
        posted_on
    from line_charges
),

commission as (
    select
        order_line_id, order_key, store_id, channel, customer_id, product_id, currency,
        component, 'settlement' as source, entry_id as source_id,
        amount, cast(0 as bigint) as covered_amount, 0 as covered_line, posted_on
    from line_commissions
),

order_line_contributions as (
    select * from revenue
    union all
    select * from discount
    union all
    select * from refund
    union all
    select * from cost
    union all
    select * from charge
    union all
    select * from commission
)

select * from order_line_contributions
