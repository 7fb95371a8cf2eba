with cost_rows as (
    select * from {{ source('lake', 'costs') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

deliveries as (
    select
        cost_rows.*,
        batches.seq,
        {{ content_hash(['cost_rows.source', 'unit_cost', 'amount', 'valid_to']) }} as content_hash
    from cost_rows
    inner join batches on cost_rows._batch = batches.batch
),

newest as (
    select * from deliveries
    qualify row_number() over (
        partition by
            coalesce(product_id, '*'),
            coalesce(order_id, '*'),
            coalesce(store_id, '*'),
            coalesce(kind, 'purchase'),
            currency,
            valid_from
        order by seq desc, content_hash
    ) = 1
),

costs as (
    select
        coalesce(newest.product_id, '*') as product_id,
        coalesce(newest.order_id, '*') as order_id,
        coalesce(newest.store_id, '*') as store_id,
        coalesce(newest.kind, 'purchase') as kind,
        newest.source,
        newest.currency,
        newest.unit_cost,
        newest.amount,
        newest.valid_from,
        newest.valid_to
    from newest
    cross join this_run
    where newest.valid_from < this_run.business_date
)

select * from costs
