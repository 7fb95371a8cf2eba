-- What was paid and given back in a month and store is the same by the day and by the component, whichever way it is divided.
with totals as (
    select * from {{ ref('serve_contribution_totals') }}
    where component in ('revenue', 'discount', 'refund')
),

kinds as (
    select distinct dimension_kind from {{ ref('serve_contribution_totals') }}
),

daily_metrics as (
    select * from {{ ref('serve_daily_metrics') }}
),

both_sides as (
    select dimension_kind, period, store_id, currency, amount
    from totals
    union all
    select
        kinds.dimension_kind,
        substr(cast(daily_metrics.metric_date as string), 1, 7) as period,
        daily_metrics.store_id,
        daily_metrics.currency,
        daily_metrics.refunded_amount - daily_metrics.paid_amount as amount
    from daily_metrics
    cross join kinds
)

select
    dimension_kind,
    period,
    store_id,
    currency,
    sum(amount) as difference
from both_sides
group by dimension_kind, period, store_id, currency
having sum(amount) <> 0
