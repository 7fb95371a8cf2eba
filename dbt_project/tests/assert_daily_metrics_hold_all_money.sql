-- Every sale and every refund is on exactly one day of one store, by currency.
with facts as (
    select
        currency,
        sum(paid_amount) as paid_amount,
        sum(refunded_amount) as refunded_amount
    from (
        select currency, paid_amount, 0 as refunded_amount from {{ ref('order_lines') }}
        where is_sale
        union all
        select currency, 0 as paid_amount, refund_amount as refunded_amount from {{ ref('refunds') }}
    ) as both_kinds
    group by currency
),

metrics as (
    select
        currency,
        sum(paid_amount) as paid_amount,
        sum(refunded_amount) as refunded_amount
    from {{ ref('serve_daily_metrics') }}
    group by currency
)

select
    facts.currency,
    facts.paid_amount,
    facts.refunded_amount
from facts
left join metrics
    on facts.currency = metrics.currency
    and facts.paid_amount = metrics.paid_amount
    and facts.refunded_amount = metrics.refunded_amount
where metrics.currency is null
