with follow_rows as (
    select * from {{ source('lake', 'wecom_follows') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

last_passes as (
    select * from {{ ref('stg_wecom__passes') }}
    where object = 'follows'
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

newest as (
    select
        follow_rows.corp_id,
        follow_rows.sync_id,
        follow_rows.userid,
        follow_rows.external_userid,
        follow_rows.remark,
        follow_rows.state,
        follow_rows.add_way,
        follow_rows.followed_at,
        batches.seq
    from follow_rows
    inner join batches on follow_rows._batch = batches.batch
    qualify row_number() over (
        partition by follow_rows.corp_id, follow_rows.userid, follow_rows.external_userid
        order by batches.seq desc, follow_rows.followed_at, {{ content_hash(['remark', 'state', 'add_way', 'sync_id', 'corp_id']) }}
    ) = 1
),

follows as (
    select
        accounts.userid,
        newest.external_userid,
        newest.corp_id,
        newest.remark,
        newest.state,
        newest.add_way,
        {{ seen_in_last_pass('newest', 'last_passes') }} as is_current,
        newest.followed_at
    from newest
    inner join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
    left join last_passes on newest.corp_id = last_passes.corp_id
    cross join this_run
    where newest.followed_at < this_run.as_of
)

select * from follows
