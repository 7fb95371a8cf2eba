-- What WeCom said of a member of staff, from the day on which it was first read: a move shows with the pass that meets it.
-- The first observation holds from the beginning.
with staff_rows as (
    select * from {{ source('lake', 'wecom_staff') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

observed as (
    select
        staff_rows.corp_id,
        staff_rows.userid,
        staff_rows.name,
        staff_rows.position,
        staff_rows.department_name,
        staff_rows.status,
        batches.seq,
        batches.landed_at,
        lag(coalesce(staff_rows.department_name, '') || ':' || coalesce(cast(staff_rows.status as string), '')) over (
            partition by staff_rows.corp_id, staff_rows.userid
            order by batches.seq, {{ content_hash(['name', 'position', 'main_department', 'department_name', 'status', 'sync_id']) }} desc
        ) as place_before
    from staff_rows
    inner join batches on staff_rows._batch = batches.batch
),

changes as (
    select
        observed.*,
        case
            when observed.place_before is null then date '1900-01-01'
            else {{ local_date('observed.landed_at', 'this_run.company_timezone') }}
        end as holds_from
    from observed
    cross join this_run
    where observed.place_before is null
        or observed.place_before <> coalesce(observed.department_name, '') || ':' || coalesce(cast(observed.status as string), '')
),

staff_states as (
    select
        accounts.userid,
        changes.corp_id,
        changes.name,
        changes.position,
        changes.department_name,
        changes.status,
        changes.holds_from
    from changes
    cross join this_run
    inner join accounts
        on changes.corp_id = accounts.corp_id
        and changes.userid = accounts.account_userid
    where changes.holds_from <= this_run.business_date
    qualify row_number() over (partition by accounts.userid, changes.holds_from order by changes.seq desc) = 1
)

select * from staff_states
