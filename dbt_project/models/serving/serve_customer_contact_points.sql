with contact_points as (
    select * from {{ ref('customer_contact_points') }}
)

select * from contact_points
