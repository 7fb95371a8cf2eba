with days as (
    select * from {{ ref('reconciliation_days') }}
)

select
    day,
    channel,
    account_id,
    store_id,
    currency,
    class,
    ours_count,
    bill_count,
    ours_amount,
    bill_amount,
    difference_amount
from days
