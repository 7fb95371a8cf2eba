{{ config(tags=['facts']) }}
-- I1, I4: what one side of a transfer gets the other gives, to the cent, in the same currency.
select
    posting,
    line_id,
    component,
    currency,
    cast(sum(amount) as bigint) as amount
from {{ ref('settlement_transfers') }}
group by posting, line_id, component, currency
having sum(amount) <> 0
