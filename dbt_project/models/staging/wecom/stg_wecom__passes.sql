-- The last full pass that reached its end, by corp and kind of object. What a later pass has not seen is gone.
with sync_rows as (
    select * from {{ source('lake', 'wecom_syncs') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

completed as (
    select
        sync_rows.corp_id,
        sync_rows.object,
        sync_rows.sync_id,
        batches.seq
    from sync_rows
    inner join batches on sync_rows._batch = batches.batch
),

last_passes as (
    select
        corp_id,
        object,
        sync_id,
        seq
    from completed
    qualify row_number() over (partition by corp_id, object order by seq desc, sync_id desc) = 1
)

select * from last_passes
