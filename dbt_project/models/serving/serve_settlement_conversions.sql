-- Grain: entry_id. Readers look conversions up by line.
-- A view on DuckDB: the publisher writes the rows, which are those of settlement_conversions.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    entry_id,
    line_id,
    sold_line_id,
    store_id,
    currency,
    settle_currency,
    rate_id,
    rate_e8,
    amount,
    settled_amount
from {{ ref('settlement_conversions') }}
