-- A view on DuckDB: the publisher writes the rows, which are those of customer_consents.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
with consents as (
    select * from {{ ref('customer_consents') }}
)

select * from consents
