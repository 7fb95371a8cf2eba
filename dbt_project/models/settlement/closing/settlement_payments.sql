-- Grain: entry_id. What was paid to a party or collected from it, as an entry of the ledger: a payment takes from its balance.
with events as (
    select * from {{ ref('stg_store__statement_events') }}
)

select
    case event when 'paid' then 'PAID:' else 'COLLECTED:' end || event_id as entry_id,
    'payment:' || event_id as line_id,
    upper(event) as posting,
    party_id,
    currency,
    case event when 'paid' then -amount else amount end as amount,
    happened_on as economic_date
from events
where event in ('paid', 'collected')
