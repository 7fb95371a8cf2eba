-- Refunds of either side whose payment is known to neither, by the channel's number and the order's. Refunds of an account's
-- first days may be of payments from before its bills: they are not asked.
with payments as (
    select * from {{ ref('reconciliation_payments') }}
),

bill_lines as (
    select * from {{ ref('reconciliation_bill_lines') }}
),

accounts as (
    select * from {{ ref('reconciliation_accounts') }}
),

rules as (
    select * from {{ source('lake', 'reconciliation_rules') }}
),

refunds as (
    select row_id, channel, account_id, transaction_id, order_id, bill_day from payments where kind = 'refund'
    union all
    select row_id, channel, account_id, transaction_id, order_id, bill_day from bill_lines where kind = 'refund'
),

asked as (
    select refunds.*
    from refunds
    inner join accounts
        on refunds.channel = accounts.channel
        and refunds.account_id = accounts.account_id
    cross join rules
    where {{ days_between('accounts.first_day', 'refunds.bill_day') }} >= rules.orphans_after_days
        and (refunds.transaction_id is not null or refunds.order_id is not null)
),

-- most refunds name a payment that a bill holds: only of the rest is more asked
known_on_bills as (
    select distinct asked.row_id
    from asked
    inner join bill_lines as paid
        on asked.transaction_id = paid.transaction_id
        and asked.channel = paid.channel
    where paid.kind = 'payment'
),

not_on_bills as (
    select asked.*
    from asked
    left join known_on_bills on asked.row_id = known_on_bills.row_id
    where known_on_bills.row_id is null
),

known_otherwise as (
    select asked.row_id
    from not_on_bills as asked
    inner join payments as paid
        on asked.transaction_id = paid.transaction_id
        and asked.channel = paid.channel
    where paid.kind = 'payment'
    union
    select asked.row_id
    from not_on_bills as asked
    inner join bill_lines as paid
        on asked.order_id = paid.order_id
        and asked.channel = paid.channel
        and asked.account_id = paid.account_id
    where paid.kind = 'payment'
    union
    select asked.row_id
    from not_on_bills as asked
    inner join payments as paid
        on asked.order_id = paid.order_id
        and asked.channel = paid.channel
        and asked.account_id = paid.account_id
    where paid.kind = 'payment'
),

orphans as (
    select not_on_bills.row_id
    from not_on_bills
    left join known_otherwise on not_on_bills.row_id = known_otherwise.row_id
    where known_otherwise.row_id is null
)

select * from orphans
