-- The rows of both sides behind each item of the worklist.
with items as (
    select * from {{ ref('reconciliation_items') }}
),

pairs as (
    select ours_id, bill_id from {{ ref('reconciliation_rows') }}
    where ours_id is not null and bill_id is not null
),

members as (
    select * from {{ ref('reconciliation_members') }}
),

rows_of_items as (
    select items.item_id, members.row_id
    from items
    inner join members on items.item_id = members.match_id
    union all
    select items.item_id, pairs.ours_id as row_id
    from items
    inner join pairs on items.item_id = pairs.ours_id
    union all
    select items.item_id, pairs.bill_id as row_id
    from items
    inner join pairs on items.item_id = pairs.ours_id
),

sides as (
    select
        row_id, 'ours' as side, channel, account_id, store_id, kind, entry_id, reference, transaction_id, order_id, currency,
        stated_amount, fee_amount, is_success, bill_day, occurred_at
    from {{ ref('reconciliation_payments') }}
    union all
    select
        row_id, 'bill' as side, channel, account_id, store_id, kind, entry_id, reference, transaction_id, order_id, currency,
        stated_amount, fee_amount, is_success, bill_day, occurred_at
    from {{ ref('reconciliation_bill_lines') }}
),

item_rows as (
    select
        rows_of_items.item_id,
        sides.side,
        sides.row_id,
        sides.channel,
        sides.account_id,
        sides.store_id,
        sides.kind,
        sides.entry_id,
        sides.reference,
        sides.transaction_id,
        sides.order_id,
        sides.currency,
        sides.stated_amount,
        sides.fee_amount,
        sides.is_success,
        sides.bill_day,
        sides.occurred_at
    from rows_of_items
    inner join sides on rows_of_items.row_id = sides.row_id
)

select * from item_rows
