with items as (
    select * from {{ ref('reconciliation_items') }}
)

select
    item_id,
    class,
    further_class,
    method,
    channel,
    account_id,
    store_id,
    kind,
    currency,
    other_currency,
    state,
    decision_id,
    reason,
    author,
    rule_version,
    ours_count,
    bill_count,
    ours_amount,
    bill_amount,
    difference_amount,
    ours_fee,
    bill_fee,
    fee_difference,
    needs_person,
    day,
    ours_day,
    bill_day,
    decided_at
from items
