-- Grain: (party_id, currency, posted_on). What each day moved in the balance of a party. A fee or a tax is a charge: it goes
-- against the sign of the sale; who gets it has earned it. A difference to what was closed is an adjustment, whatever it is of.
with party_rows as (
    select
        *,
        case
            when component = 'payment' then 'payment'
            when kind = 'ADJUSTMENT' then 'adjustment'
            when component in ('fee', 'service_fee', 'platform_fee') and (amount < 0) <> (posting = 'REFUND' or base_amount < 0) then 'fee'
            when component = 'tax' and (amount < 0) <> (posting = 'REFUND' or base_amount < 0) then 'tax'
            when posting = 'REFUND' then 'clawback'
            else 'earned'
        end as side
    from {{ ref('settlement_ledger') }}
    where component not in ('clearing', 'cash', 'fx')
)

select
    party_id,
    currency,
    cast(sum(case when side = 'earned' then amount else 0 end) as bigint) as earned,
    -cast(sum(case when side = 'clawback' then amount else 0 end) as bigint) as clawback,
    -cast(sum(case when side = 'fee' then amount else 0 end) as bigint) as fee,
    -cast(sum(case when side = 'tax' then amount else 0 end) as bigint) as tax,
    cast(sum(case when side = 'adjustment' then amount else 0 end) as bigint) as adjustments,
    -cast(sum(case when side = 'payment' then amount else 0 end) as bigint) as paid,
    cast(sum(amount) as bigint) as net,
    count(*) as lines_count,
    posted_on
from party_rows
group by party_id, currency, posted_on
