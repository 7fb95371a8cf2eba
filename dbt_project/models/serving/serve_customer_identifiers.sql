-- A view on DuckDB: the publisher writes the rows, which are those of customer_identifiers.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
with identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

published as (
    select
        customer_id,
        identifier_type,
        identifier,
        source,
        is_owner,
        first_seen_at,
        last_seen_at
    from identifiers
)

select * from published
