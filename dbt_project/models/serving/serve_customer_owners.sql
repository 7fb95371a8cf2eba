with owners as (
    select * from {{ ref('customer_owners') }}
)

select * from owners
