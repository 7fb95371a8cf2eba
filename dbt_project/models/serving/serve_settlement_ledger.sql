-- Grain: (entry_id, store_id, party_role, party_id, currency, posted_on). Readers look rows up by party and day.
-- A view on DuckDB: the publisher writes the rows, which are those of settlement_ledger.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    entry_id,
    kind,
    posting,
    line_id,
    original_line_id,
    order_key,
    store_id,
    region,
    component,
    party_role,
    party_id,
    salesperson_id,
    currency,
    rule_id,
    rule_version,
    component_seq,
    base_amount,
    rate_ppm,
    weight,
    weight_total,
    floor_amount,
    rounding,
    entry_amount,
    amount,
    is_closed,
    economic_date,
    posted_on
from {{ ref('settlement_ledger') }}
