-- Messages sent before as_of, each once; is_recalled says that one sent before as_of took it back.
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

sent as (
    {{ first_of_each(
        source('lake', 'chat_messages'), ['corp_id', 'msgid'],
        order=['batches.seq', 'delivered._row'],
        where='delivered.sent_at < this_run.as_of',
    ) }}
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
