-- A view on DuckDB: the publisher writes the rows, which are those of order_lines.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
with order_lines as (
    select * from {{ ref('order_lines') }}
),

published as (
    select
        order_line_id,
        order_key,
        product_id,
        product_name,
        currency,
        quantity,
        unit_price,
        discount,
        paid_amount
    from order_lines
)

select * from published
