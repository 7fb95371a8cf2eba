-- Whom mass messages made before as_of reached; what was sent at or after as_of is not sent yet.
with send_rows as (
    select * from {{ source('lake', 'wecom_message_sends') }}
),

message_rows as (
    select * from {{ source('lake', 'wecom_messages') }}
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

messages as (
    select
        corp_id,
        msgid,
        min(created_at) as created_at
    from message_rows
    group by corp_id, msgid
),

newest as (
    select
        send_rows.*,
        coalesce(send_rows.external_userid, send_rows.chat_id) as receiver_id,
        batches.seq
    from send_rows
    inner join batches on send_rows._batch = batches.batch
    where coalesce(send_rows.external_userid, send_rows.chat_id) is not null
    qualify row_number() over (
        partition by
            send_rows.corp_id, send_rows.msgid, send_rows.userid,
            coalesce(send_rows.external_userid, send_rows.chat_id)
        order by batches.seq desc, send_rows._row desc
    ) = 1
),

message_sends as (
    select
        newest.corp_id,
        newest.msgid,
        coalesce(accounts.userid, newest.userid) as userid,
        newest.receiver_id,
        newest.external_userid,
        newest.chat_id,
        case when newest.sent_at >= this_run.as_of then 0 else newest.status end as status,
        messages.created_at,
        case when newest.sent_at < this_run.as_of then newest.sent_at end as sent_at
    from newest
    cross join this_run
    inner join messages
        on newest.corp_id = messages.corp_id
        and newest.msgid = messages.msgid
    left join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
    where messages.created_at < this_run.as_of
)

select * from message_sends
