with staff_stores as (
    select * from {{ ref('staff_stores') }}
)

select * from staff_stores
