with staff_rows as (
    select * from {{ source('lake', 'wecom_staff') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

last_passes as (
    select * from {{ ref('stg_wecom__passes') }}
    where object = 'staff'
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

newest as (
    select
        staff_rows.corp_id,
        staff_rows.sync_id,
        staff_rows.userid,
        staff_rows.name,
        staff_rows.position,
        staff_rows.main_department,
        staff_rows.department_name,
        staff_rows.status,
        batches.seq
    from staff_rows
    inner join batches on staff_rows._batch = batches.batch
    qualify row_number() over (
        partition by staff_rows.corp_id, staff_rows.userid
        order by batches.seq desc, {{ content_hash(['name', 'position', 'main_department', 'department_name', 'status', 'sync_id']) }}
    ) = 1
),

staff as (
    select
        accounts.userid,
        newest.corp_id,
        newest.name,
        newest.position,
        newest.main_department,
        newest.department_name,
        newest.status,
        {{ seen_in_last_pass('newest', 'last_passes') }} as is_current
    from newest
    inner join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
    left join last_passes on newest.corp_id = last_passes.corp_id
)

select * from staff
