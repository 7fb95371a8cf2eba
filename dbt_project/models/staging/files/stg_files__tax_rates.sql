with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'tax_rates'), key=['jurisdiction', 'category', "coalesce(tax, '*')", 'valid_from'], said=[
        'delivered.source', 'rate', 'valid_to',
    ]) }}
),

tax_rates as (
    select
        newest.jurisdiction,
        newest.category,
        coalesce(newest.tax, '*') as tax,
        newest.source,
        newest.rate,
        newest.valid_from,
        newest.valid_to
    from newest
    cross join this_run
    where newest.valid_from < this_run.business_date
)

select * from tax_rates
