-- The day's figures of a store side by side; what they are and how they come about is said in `metrics` alone.
with metrics as (
    select * from {{ ref('metrics') }}
    where period_kind = 'day' and dimension_kind = 'store'
),

daily_metrics as (
    select
        period_start as metric_date,
        dimension_id as store_id,
        currency,
        coalesce(max(case when metric = 'orders' then value end), 0) as orders_count,
        coalesce(max(case when metric = 'order_lines' then value end), 0) as lines_count,
        coalesce(max(case when metric = 'sales_amount' then value end), 0) as paid_amount,
        coalesce(max(case when metric = 'refunds' then value end), 0) as refunds_count,
        coalesce(max(case when metric = 'refunded_amount' then value end), 0) as refunded_amount
    from metrics
    where metric in ('orders', 'order_lines', 'sales_amount', 'refunds', 'refunded_amount')
    group by period_start, dimension_id, currency
)

select * from daily_metrics
