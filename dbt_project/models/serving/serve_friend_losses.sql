-- A view on DuckDB: the publisher writes the rows; what they promise is tested on friend_losses.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}

with friend_losses as (
    select * from {{ ref('friend_losses') }}
)

select * from friend_losses
