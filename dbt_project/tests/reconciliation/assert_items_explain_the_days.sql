{{ config(tags=['facts']) }}
-- The worklist tells all that the days tell: of each account, currency and class the differences of the items add up to
-- those of the days. Between two currencies each side stands in its own.
with of_days as (
    select channel, account_id, currency, class, sum(difference_amount) as amount
    from {{ ref('reconciliation_days') }}
    group by channel, account_id, currency, class
),

of_items as (
    select channel, account_id, currency, class, coalesce(ours_amount, 0) - case when other_currency is null then coalesce(bill_amount, 0) else 0 end as amount
    from {{ ref('reconciliation_items') }}
    union all
    select channel, account_id, other_currency as currency, class, -bill_amount as amount
    from {{ ref('reconciliation_items') }}
    where other_currency is not null
),

compared as (
    select channel, account_id, currency, class, amount from of_days
    union all
    select channel, account_id, currency, class, -amount from of_items
)

select channel, account_id, currency, class, sum(amount) as amount_left
from compared
group by channel, account_id, currency, class
having sum(amount) <> 0
