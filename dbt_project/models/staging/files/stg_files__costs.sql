with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'costs'), key=[
        "coalesce(product_id, '*')", "coalesce(order_id, '*')", "coalesce(store_id, '*')",
        "coalesce(kind, 'purchase')", 'currency', 'valid_from',
    ], said=['delivered.source', 'unit_cost', 'amount', 'valid_to']) }}
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
