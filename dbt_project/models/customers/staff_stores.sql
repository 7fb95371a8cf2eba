-- Members of staff in WeCom, with the store in which they work on the run's business date.
with staff as (
    select * from {{ ref('stg_wecom__staff') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

present as (
    select
        staff_periods.staff_id,
        staff_periods.store_id
    from staff_periods
    cross join this_run
    where staff_periods.valid_from <= this_run.business_date and this_run.business_date < staff_periods.valid_to
),

staff_stores as (
    select
        staff.userid,
        staff.name,
        staff.position,
        present.store_id,
        staff.status,
        staff.is_current
    from staff
    left join present on staff.userid = present.staff_id
)

select * from staff_stores
