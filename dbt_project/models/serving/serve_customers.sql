with customers as (
    select * from {{ ref('customers') }}
)

select * from customers
