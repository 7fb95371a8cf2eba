with tag_rows as (
    select * from {{ source('lake', 'wecom_follow_tags') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

-- A tag has no time of its own: it is known since the follow-up began. It stands when the row that tells the follow-up
-- as it is now (landed by the same pass) has it.
follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

tags as (
    select * from {{ ref('stg_wecom__tags') }}
),

newest as (
    select
        tag_rows.corp_id,
        tag_rows.sync_id,
        tag_rows.userid,
        tag_rows.external_userid,
        tag_rows.tag_id,
        tag_rows.tag_name,
        tag_rows.tag_group_name,
        coalesce(tag_rows.tag_id, 'own:' || tag_rows.tag_name) as tag_key,
        batches.seq
    from tag_rows
    inner join batches on tag_rows._batch = batches.batch
    where coalesce(tag_rows.tag_id, tag_rows.tag_name) is not null
    qualify row_number() over (
        partition by
            tag_rows.corp_id, tag_rows.userid, tag_rows.external_userid,
            coalesce(tag_rows.tag_id, 'own:' || tag_rows.tag_name)
        order by batches.seq desc, tag_rows._row desc
    ) = 1
),

follow_tags as (
    select
        accounts.userid,
        newest.external_userid,
        newest.tag_key,
        newest.tag_id,
        coalesce(tags.name, newest.tag_name) as tag_name,
        coalesce(tags.tag_group_name, newest.tag_group_name) as tag_group_name,
        follows.is_current and newest.sync_id = follows.sync_id as is_current
    from newest
    inner join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
    inner join follows
        on accounts.userid = follows.userid
        and newest.external_userid = follows.external_userid
    left join tags
        on newest.corp_id = tags.corp_id
        and newest.tag_id = tags.tag_id
)

select * from follow_tags
