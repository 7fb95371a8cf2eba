with member_rows as (
    select * from {{ source('lake', 'wecom_group_members') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

last_passes as (
    select * from {{ ref('stg_wecom__passes') }}
    where object = 'groups'
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

newest as (
    select
        member_rows.*,
        batches.seq
    from member_rows
    inner join batches on member_rows._batch = batches.batch
    qualify row_number() over (
        partition by member_rows.corp_id, member_rows.chat_id, member_rows.member_id
        order by batches.seq desc, member_rows._row desc
    ) = 1
),

group_members as (
    select
        newest.corp_id,
        newest.chat_id,
        newest.member_id,
        case when newest.member_type = 1 then coalesce(accounts.userid, newest.member_id) end as userid,
        case when newest.member_type = 2 then newest.member_id end as external_userid,
        newest.unionid,
        newest.name,
        newest.invited_by,
        newest.member_type,
        newest.join_scene,
        newest.is_admin,
        {{ seen_in_last_pass('newest', 'last_passes') }} as is_current,
        newest.joined_at
    from newest
    cross join this_run
    left join accounts
        on newest.corp_id = accounts.corp_id
        and newest.member_id = accounts.account_userid
    left join last_passes on newest.corp_id = last_passes.corp_id
    where newest.joined_at < this_run.as_of
)

select * from group_members
