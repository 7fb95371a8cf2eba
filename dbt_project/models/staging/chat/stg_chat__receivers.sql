with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

messages as (
    select * from {{ ref('stg_chat__messages') }}
),

newest as (
    {{ newest_delivery(source('lake', 'chat_receivers'), key=['corp_id', 'msgid', 'receiver_id'], said=['receiver_kind']) }}
),

receivers as (
    select
        newest.corp_id,
        newest.msgid,
        newest.receiver_id,
        newest.receiver_kind,
        messages.sent_at
    from newest
    inner join messages
        on newest.corp_id = messages.corp_id
        and newest.msgid = messages.msgid
)

select * from receivers
