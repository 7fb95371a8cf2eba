with item_rows as (
    select * from {{ ref('reconciliation_item_rows') }}
)

select
    item_id,
    side,
    row_id,
    channel,
    account_id,
    store_id,
    kind,
    entry_id,
    reference,
    transaction_id,
    order_id,
    currency,
    stated_amount,
    fee_amount,
    is_success,
    bill_day,
    occurred_at
from item_rows
