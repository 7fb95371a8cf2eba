with receiver_rows as (
    select * from {{ source('lake', 'chat_receivers') }}
),

messages as (
    select * from {{ ref('stg_chat__messages') }}
),

receivers as (
    select distinct
        receiver_rows.corp_id,
        receiver_rows.msgid,
        receiver_rows.receiver_id,
        receiver_rows.receiver_kind,
        messages.sent_at
    from receiver_rows
    inner join messages
        on receiver_rows.corp_id = messages.corp_id
        and receiver_rows.msgid = messages.msgid
)

select * from receivers
