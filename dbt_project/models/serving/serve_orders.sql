-- A view on DuckDB: the publisher writes the rows, which are those of orders.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
with orders as (
    select * from {{ ref('orders') }}
),

published as (
    select
        order_key,
        order_id,
        store_id,
        customer_id,
        salesperson_id,
        status,
        currency,
        lines_count,
        paid_amount,
        refunded_amount,
        is_sale,
        ordered_on,
        ordered_at,
        paid_at
    from orders
)

select * from published
