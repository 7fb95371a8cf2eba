-- Where a member of staff works: the main department of store staff bears the store's number.
with staff as (
    select * from {{ ref('stg_wecom__staff') }}
),

stores as (
    select * from {{ ref('stores') }}
),

staff_stores as (
    select
        staff.userid,
        staff.name,
        staff.position,
        stores.store_id,
        staff.status,
        staff.is_current
    from staff
    left join stores on staff.department_name = stores.store_id
)

select * from staff_stores
