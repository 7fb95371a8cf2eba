{{ config(materialized='ephemeral') }}
-- Rows of either side of which the channel's own number did not find the other one.
select
    ours_id as row_id,
    'ours' as side,
    channel,
    account_id,
    kind,
    entry_id,
    reference,
    ours_currency as currency,
    ours_amount as amount,
    ours_success as is_success,
    occurred_at
from {{ ref('reconciliation_rows') }}
where ours_id is not null and bill_id is null
union all
select
    bill_id as row_id,
    'bill' as side,
    channel,
    account_id,
    kind,
    entry_id,
    reference,
    bill_currency as currency,
    bill_amount as amount,
    bill_success as is_success,
    occurred_at
from {{ ref('reconciliation_rows') }}
where ours_id is null and bill_id is not null
