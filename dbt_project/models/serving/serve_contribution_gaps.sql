-- What is known but could not be put to a line: costs and charges in another currency without a rate (no_rate), and charges of
-- orders that are not known (no_order). Amounts are in the currency of the cost or charge.
with line_costs as (
    select * from {{ ref('line_costs') }}
),

line_charges as (
    select * from {{ ref('line_charges') }}
),

sold_lines as (
    select * from {{ ref('sold_lines') }}
),

order_charges as (
    select * from {{ ref('order_charges') }}
),

borne as (
    select distinct source, source_id from line_charges
),

charges_on_no_line as (
    select
        order_charges.component,
        order_charges.source,
        order_charges.source_id,
        order_charges.currency,
        order_charges.amount,
        order_charges.charged_on,
        min(sold_lines.store_id) as store_id
    from order_charges
    left join borne
        on order_charges.source = borne.source
        and order_charges.source_id = borne.source_id
    inner join sold_lines on order_charges.order_key = sold_lines.order_key
    where borne.source is null
    group by order_charges.component, order_charges.source, order_charges.source_id, order_charges.currency,
        order_charges.amount, order_charges.charged_on
),

gaps as (
    select sold_on as gap_on, store_id, component, 'costs' as source, 'no_rate' as reason, cost_currency as currency,
        -cost_amount as amount
    from line_costs
    where amount is null
    union all
    select charged_on as gap_on, store_id, component, source, 'no_rate' as reason, currency, amount
    from charges_on_no_line
    union all
    select charged_on as gap_on, 'unknown' as store_id, component, source, 'no_order' as reason, currency, amount
    from order_charges
    where order_key is null
),

contribution_gaps as (
    select
        substr(cast(gap_on as string), 1, 7) as period,
        store_id,
        component,
        source,
        reason,
        currency,
        cast(sum(amount) as bigint) as amount,
        cast(count(*) as bigint) as rows_count
    from gaps
    group by substr(cast(gap_on as string), 1, 7), store_id, component, source, reason, currency
)

select * from contribution_gaps
