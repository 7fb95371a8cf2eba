with tag_rows as (
    select * from {{ source('lake', 'wecom_tags') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

last_passes as (
    select * from {{ ref('stg_wecom__passes') }}
    where object = 'tags'
),

newest as (
    select
        tag_rows.*,
        batches.seq
    from tag_rows
    inner join batches on tag_rows._batch = batches.batch
    qualify row_number() over (
        partition by tag_rows.corp_id, tag_rows.tag_id
        order by batches.seq desc, tag_rows._row desc
    ) = 1
),

tags as (
    select
        newest.corp_id,
        newest.tag_id,
        newest.name,
        newest.tag_group_id,
        newest.tag_group_name,
        {{ seen_in_last_pass('newest', 'last_passes') }} and not coalesce(newest.is_deleted, false) as is_current
    from newest
    left join last_passes on newest.corp_id = last_passes.corp_id
)

select * from tags
