with staff_rows as (
    select * from {{ source('lake', 'staff') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

deliveries as (
    select
        staff_rows.*,
        batches.seq,
        {{ content_hash([
            'userid', 'phone', 'store_id', 'manager_id', 'name', 'department', 'position', 'skills', 'status',
            'hired_on', 'left_on',
        ]) }} as content_hash
    from staff_rows
    inner join batches on staff_rows._batch = batches.batch
),

newest as (
    select * from deliveries
    qualify row_number() over (
        partition by staff_id
        order by seq desc, content_hash
    ) = 1
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
        newest.hired_on,
        newest.left_on
    from newest
    cross join this_run
    where newest.hired_on is null or newest.hired_on < this_run.business_date
)

select * from staff
