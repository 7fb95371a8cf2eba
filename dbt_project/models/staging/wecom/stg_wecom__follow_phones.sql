with phone_rows as (
    select * from {{ source('lake', 'wecom_follow_phones') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

last_passes as (
    select * from {{ ref('stg_wecom__passes') }}
    where object = 'follows'
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

-- A phone has no time of its own: it is known since the follow-up began.
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
        {{ seen_in_last_pass('newest', 'last_passes') }} as is_current,
        follows.followed_at
    from newest
    inner join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
    inner join follows
        on accounts.userid = follows.userid
        and newest.external_userid = follows.external_userid
    left join last_passes on newest.corp_id = last_passes.corp_id
)

select * from follow_phones
