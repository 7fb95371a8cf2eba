-- The do-not-contact list as it stood when the run landed the store: each batch is the whole list, the newest one counts.
with suppression_rows as (
    select * from {{ source('lake', 'suppressions') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

newest_list as (
    select max(seq) as seq from batches
    where source = 'store:suppressions'
),

suppressions as (
    select distinct
        suppression_rows.identifier_type,
        suppression_rows.identifier,
        suppression_rows.channel,
        suppression_rows.added_at
    from suppression_rows
    inner join batches on suppression_rows._batch = batches.batch
    inner join newest_list on batches.seq = newest_list.seq
)

select * from suppressions
