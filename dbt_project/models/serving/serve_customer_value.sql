with customer_value as (
    select * from {{ ref('customer_value') }}
)

select * from customer_value
