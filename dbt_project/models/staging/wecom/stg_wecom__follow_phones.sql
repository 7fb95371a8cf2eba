with phone_rows as (
    select * from {{ source('lake', 'wecom_follow_phones') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

-- A phone has no time of its own: it is known since the follow-up began. It stands when the row that tells the follow-up
-- as it is now (landed by the same pass) has it.
follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

newest as (
    select
        phone_rows.corp_id,
        phone_rows.sync_id,
        phone_rows.userid,
        phone_rows.external_userid,
        phone_rows.phone,
        batches.seq
    from phone_rows
    inner join batches on phone_rows._batch = batches.batch
    qualify row_number() over (
        partition by phone_rows.corp_id, phone_rows.userid, phone_rows.external_userid, phone_rows.phone
        order by batches.seq desc, phone_rows.sync_id desc
    ) = 1
),

follow_phones as (
    select
        accounts.userid,
        newest.external_userid,
        newest.phone,
        follows.is_current and newest.sync_id = follows.sync_id as is_current,
        follows.followed_at
    from newest
    inner join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
    inner join follows
        on accounts.userid = follows.userid
        and newest.external_userid = follows.external_userid
)

select * from follow_phones
