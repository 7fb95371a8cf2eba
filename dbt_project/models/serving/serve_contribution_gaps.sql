-- What is known but could not be put to a line: costs and charges in another currency without a rate (no_rate), and charges of
-- orders that are not known (no_order). Amounts are in the currency of the cost or charge.
with line_costs as (
    select * from {{ ref('line_costs') }}
),

line_charges as (
    select * from {{ ref('line_charges') }}
),

order_charges as (
    select * from {{ ref('order_charges') }}
),

gaps as (
    select sold_on as gap_on, store_id, component, 'costs' as source, 'no_rate' as reason, cost_currency as currency,
        -cost_amount as amount
    from line_costs
    where amount is null
    union all
    select posted_on as gap_on, store_id, component, source, 'no_rate' as reason, foreign_currency as currency,
        foreign_amount as amount
    from line_charges
    where amount is null
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
