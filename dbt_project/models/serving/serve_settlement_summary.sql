-- Grain: (period, store_id, region, store_type, party_role, party_id, currency).
select
    period,
    store_id,
    region,
    store_type,
    party_role,
    party_id,
    currency,
    sale_amount,
    refund_amount,
    amount,
    lines_count
from {{ ref('settlement_summary') }}
