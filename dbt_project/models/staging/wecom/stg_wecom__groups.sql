with group_rows as (
    select * from {{ source('lake', 'wecom_groups') }}
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
        group_rows.*,
        batches.seq
    from group_rows
    inner join batches on group_rows._batch = batches.batch
    qualify row_number() over (
        partition by group_rows.corp_id, group_rows.chat_id
        order by batches.seq desc, group_rows._row desc
    ) = 1
),

chat_groups as (
    select
        newest.corp_id,
        newest.chat_id,
        newest.name,
        coalesce(accounts.userid, newest.owner_userid) as owner_userid,
        newest.notice,
        newest.status,
        {{ seen_in_last_pass('newest', 'last_passes') }} as is_current,
        newest.created_at
    from newest
    cross join this_run
    left join accounts
        on newest.corp_id = accounts.corp_id
        and newest.owner_userid = accounts.account_userid
    left join last_passes on newest.corp_id = last_passes.corp_id
    where newest.created_at < this_run.as_of
)

select * from chat_groups
