with identifiers as (
    select * from {{ ref('customer_identifiers') }}
)

select * from identifiers
