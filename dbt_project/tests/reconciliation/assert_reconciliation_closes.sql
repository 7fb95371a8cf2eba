{{ config(tags=['facts']) }}
-- I16: of each day, account and currency the sums of both sides, taken from the rows themselves, differ by what the classes add
-- up to, to the cent; and every row of both sides is in one class: a row that was lost or counted twice moves a count.
with accounts as (
    select * from {{ ref('reconciliation_accounts') }}
),

members as (
    select * from {{ ref('reconciliation_members') }}
),

sides as (
    select
        payments.channel, payments.account_id, payments.currency, payments.bill_day as day,
        1 as ours_count, 0 as bill_count, payments.amount
    from {{ ref('reconciliation_payments') }} as payments
    inner join accounts
        on payments.channel = accounts.channel
        and payments.account_id = accounts.account_id
    where payments.bill_day >= accounts.first_day
    union all
    -- from before the first bill only what a bill has
    select
        payments.channel, payments.account_id, payments.currency, payments.bill_day as day,
        1 as ours_count, 0 as bill_count, payments.amount
    from {{ ref('reconciliation_payments') }} as payments
    inner join accounts
        on payments.channel = accounts.channel
        and payments.account_id = accounts.account_id
    left join members on payments.row_id = members.row_id
    left join {{ ref('reconciliation_rows') }} as joined
        on payments.row_id = joined.ours_id
        and joined.bill_id is not null
    where payments.bill_day < accounts.first_day
        and (members.row_id is not null or joined.ours_id is not null)
    union all
    select
        channel, account_id, currency, bill_day as day,
        0 as ours_count, 1 as bill_count, -amount as amount
    from {{ ref('reconciliation_bill_lines') }}
),

stated as (
    select
        channel, account_id, currency, day,
        sum(ours_count) as ours_count, sum(bill_count) as bill_count, sum(amount) as difference_amount
    from sides
    group by channel, account_id, currency, day
),

classified as (
    select
        channel, account_id, currency, day,
        sum(ours_count) as ours_count, sum(bill_count) as bill_count, sum(difference_amount) as difference_amount
    from {{ ref('reconciliation_days') }}
    group by channel, account_id, currency, day
),

compared as (
    select channel, account_id, currency, day, ours_count, bill_count, difference_amount from stated
    union all
    select channel, account_id, currency, day, -ours_count, -bill_count, -difference_amount from classified
)

select
    channel,
    account_id,
    currency,
    day,
    sum(ours_count) as ours_left,
    sum(bill_count) as bill_left,
    sum(difference_amount) as amount_left
from compared
group by channel, account_id, currency, day
having sum(ours_count) <> 0 or sum(bill_count) <> 0 or sum(difference_amount) <> 0
