-- A view on DuckDB: the publisher writes the rows, which are those of journey_entries.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    customer_id,
    stage,
    next_stage,
    store_id,
    next_store_id,
    cause_kind,
    entry_no,
    entered_at,
    left_at
from {{ ref('journey_entries') }}
