with staff_rows as (
    select * from {{ source('lake', 'staff') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_states('staff_rows', key='staff_id', said=[
        'userid', 'phone', 'store_id', 'manager_id', 'name', 'department', 'position', 'skills', 'status',
        'hired_on', 'left_on',
    ]) }}
),

staff as (
    select
        newest.staff_id,
        newest.userid,
        newest.phone,
        newest.store_id,
        newest.manager_id,
        newest.name,
        newest.department,
        newest.position,
        newest.skills,
        newest.status,
        newest.holds_from,
        newest.hired_on,
        newest.left_on
    from newest
    cross join this_run
    where (newest.hired_on is null or newest.hired_on < this_run.business_date)
        and newest.holds_from <= this_run.business_date
)

select * from staff
