-- Grain: (period_kind, period, party_id, currency).
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    period_kind,
    period,
    party_id,
    currency,
    state,
    sha256,
    opening,
    earned,
    clawback,
    fee,
    tax,
    adjustments,
    paid,
    closing,
    minimum_payout,
    payable,
    carry,
    lines_count,
    starts_on,
    ends_on
from {{ ref('settlement_statements') }}
