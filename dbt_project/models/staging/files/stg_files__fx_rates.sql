with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'fx_rates'), key=[
        'rate_date', 'base_currency', 'quote_currency', "coalesce(delivered.source, '*')",
    ], said=['rate']) }}
),

fx_rates as (
    select
        newest.base_currency,
        newest.quote_currency,
        coalesce(newest.source, '*') as source,
        newest.rate,
        newest.rate_date
    from newest
    cross join this_run
    where newest.rate_date < this_run.business_date
)

select * from fx_rates
