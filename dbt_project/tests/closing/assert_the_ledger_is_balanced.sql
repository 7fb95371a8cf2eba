{{ config(tags=['facts']) }}
-- I4: the rows of a posting sum to zero on each day and in each currency.
select
    posting,
    line_id,
    currency,
    posted_on,
    sum(amount) as left_over
from {{ ref('settlement_ledger') }}
group by posting, line_id, currency, posted_on
having sum(amount) <> 0
