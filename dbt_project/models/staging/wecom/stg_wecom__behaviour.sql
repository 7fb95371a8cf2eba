-- Statistics of whole days before the business date; of several versions of a day the newest.
with day_rows as (
    select * from {{ source('lake', 'wecom_behaviour') }}
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

newest as (
    select
        day_rows.*,
        batches.seq
    from day_rows
    inner join batches on day_rows._batch = batches.batch
    cross join this_run
    where day_rows.stat_date < this_run.business_date
    qualify row_number() over (
        partition by day_rows.corp_id, day_rows.userid, day_rows.stat_date
        order by batches.seq desc, day_rows._row desc
    ) = 1
),

behaviour as (
    select
        coalesce(accounts.userid, newest.userid) as userid,
        newest.corp_id,
        newest.chats,
        newest.messages,
        newest.reply_rate,
        newest.first_reply_minutes,
        newest.negative_feedbacks,
        newest.applications,
        newest.new_contacts,
        newest.stat_date
    from newest
    left join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
)

select * from behaviour
