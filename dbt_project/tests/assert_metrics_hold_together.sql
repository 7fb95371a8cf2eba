-- What must be so whatever the data: of money and counts the stores are the company, the company's days are its month, the
-- parties share what was sold less what came back, and every buyer is new or returning.
with metrics as (
    select * from {{ ref('metrics') }}
),

of_months as (
    select
        metric,
        period_start,
        currency,
        sum(case when dimension_kind = 'company' then value else 0 end) as of_company,
        sum(case when dimension_kind = 'store' then value else 0 end) as of_stores,
        sum(case when dimension_kind = 'party_role' then value else 0 end) as of_parties
    from metrics
    where period_kind = 'month'
    group by metric, period_start, currency
),

stores_differ as (
    select
        metric,
        period_start,
        currency,
        of_company,
        of_stores as other
    from of_months
    where metric in ('sales_amount', 'orders', 'order_lines', 'units', 'refunds', 'refunded_amount', 'settlement_amount')
        and of_company <> of_stores
),

days_of_months as (
    select
        metric,
        cast(date_trunc('month', period_start) as date) as period_start,
        currency,
        sum(value) as value
    from metrics
    where period_kind = 'day'
        and dimension_kind = 'company'
        and metric not in ('buyers', 'new_buyers', 'returning_buyers', 'active_customers', 'wecom_friends')
    group by metric, cast(date_trunc('month', period_start) as date), currency
),

days_differ as (
    select
        of_months.metric,
        of_months.period_start,
        of_months.currency,
        of_months.of_company,
        coalesce(days_of_months.value, 0) as other
    from of_months
    left join days_of_months
        on of_months.metric = days_of_months.metric
        and of_months.period_start = days_of_months.period_start
        and of_months.currency = days_of_months.currency
    where of_months.metric not in ('buyers', 'new_buyers', 'returning_buyers', 'active_customers', 'wecom_friends')
        and of_months.of_company <> coalesce(days_of_months.value, 0)
),

parties_differ as (
    select
        metric,
        period_start,
        currency,
        of_company,
        of_parties as other
    from of_months
    where metric = 'settlement_amount' and of_company <> of_parties
),

parties_share as (
    select
        'settlement_amount' as metric,
        period_start,
        currency,
        sum(case metric when 'sales_amount' then of_company when 'refunded_amount' then -of_company else 0 end) as of_company,
        sum(case metric when 'settlement_amount' then of_company else 0 end) as other
    from of_months
    where metric in ('sales_amount', 'refunded_amount', 'settlement_amount')
    group by period_start, currency
),

buyers_differ as (
    select
        'buyers' as metric,
        period_start,
        dimension_kind || ':' || dimension_id as currency,
        sum(case metric when 'buyers' then value else 0 end) as of_company,
        sum(case metric when 'buyers' then 0 else value end) as other
    from metrics
    where metric in ('buyers', 'new_buyers', 'returning_buyers')
    group by period_kind, period_start, dimension_kind, dimension_id
)

select * from stores_differ
union all
select * from days_differ
union all
select * from parties_differ
union all
select * from parties_share
where of_company <> other
union all
select * from buyers_differ
where of_company <> other
