-- A pass lands what is new or has changed, and a row for what it found gone. Rows of before that (without content) are
-- judged by the last pass: each of those landed everything.
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

observed as (
    select
        follow_rows.*,
        coalesce(follow_rows.is_gone, false) as says_gone,
        batches.seq
    from follow_rows
    inner join batches on follow_rows._batch = batches.batch
),

ends as (
    select
        corp_id,
        userid,
        external_userid,
        max(seq) as seq
    from observed
    where says_gone
    group by corp_id, userid, external_userid
),

newest as (
    select
        corp_id,
        sync_id,
        userid,
        external_userid,
        remark,
        state,
        content,
        add_way,
        followed_at,
        seq
    from observed
    where not says_gone
    qualify row_number() over (
        partition by corp_id, userid, external_userid
        order by seq desc, followed_at, {{ content_hash(['remark', 'state', 'add_way', 'sync_id', 'corp_id']) }}
    ) = 1
),

follows as (
    select
        accounts.userid,
        newest.external_userid,
        newest.corp_id,
        newest.sync_id,
        newest.remark,
        newest.state,
        newest.add_way,
        (ends.seq is null or ends.seq < newest.seq)
        and (newest.content is not null or {{ seen_in_last_pass('newest', 'last_passes') }}) as is_current,
        newest.followed_at
    from newest
    inner join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
    left join ends
        on newest.corp_id = ends.corp_id
        and newest.userid = ends.userid
        and newest.external_userid = ends.external_userid
    left join last_passes on newest.corp_id = last_passes.corp_id
    cross join this_run
    where newest.followed_at < this_run.as_of
)

select * from follows
