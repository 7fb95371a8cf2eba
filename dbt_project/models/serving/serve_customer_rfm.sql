with customer_rfm as (
    select * from {{ ref('customer_rfm') }}
)

select * from customer_rfm
