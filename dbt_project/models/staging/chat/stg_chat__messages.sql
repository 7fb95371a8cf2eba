-- Messages sent before as_of, each once; is_recalled says that one sent before as_of took it back.
with message_rows as (
    select * from {{ source('lake', 'chat_messages') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

sent as (
    select
        message_rows.*,
        batches.seq as batch_seq
    from message_rows
    inner join batches on message_rows._batch = batches.batch
    cross join this_run
    where message_rows.sent_at < this_run.as_of
    qualify row_number() over (
        partition by message_rows.corp_id, message_rows.msgid
        order by batches.seq, message_rows._row
    ) = 1
),

recalled as (
    select distinct
        corp_id,
        recalled_msgid
    from sent
    where recalled_msgid is not null
),

messages as (
    select
        sent.corp_id,
        sent.msgid,
        sent.from_id,
        sent.room_id,
        sent.media_id,
        sent.recalled_msgid,
        sent.action,
        sent.kind,
        sent.from_kind,
        sent.text,
        sent.title,
        sent.url,
        sent.seq,
        sent.receivers_count,
        sent.is_external,
        recalled.recalled_msgid is not null as is_recalled,
        sent.sent_at
    from sent
    left join recalled
        on sent.corp_id = recalled.corp_id
        and sent.msgid = recalled.recalled_msgid
)

select * from messages
