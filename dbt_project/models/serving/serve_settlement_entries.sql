-- Grain: entry_id. Readers look entries up by line.
-- A view on DuckDB: the publisher writes the rows, which are those of settlement_entries.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    entry_id,
    posting,
    line_id,
    original_line_id,
    order_key,
    store_id,
    region,
    store_type,
    business_type,
    currency,
    period,
    rule_id,
    rule_version,
    party_role,
    party_id,
    link_state,
    salesperson_id,
    component_seq,
    base_amount,
    rate_ppm,
    weight,
    weight_total,
    floor_amount,
    rounding,
    amount,
    economic_date
from {{ ref('settlement_entries') }}
