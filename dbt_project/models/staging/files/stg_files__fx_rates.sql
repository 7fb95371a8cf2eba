with fx_rate_rows as (
    select * from {{ source('lake', 'fx_rates') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

deliveries as (
    select
        fx_rate_rows.*,
        batches.seq,
        {{ content_hash(['rate']) }} as content_hash
    from fx_rate_rows
    inner join batches on fx_rate_rows._batch = batches.batch
),

newest as (
    select * from deliveries
    qualify row_number() over (
        partition by rate_date, base_currency, quote_currency, coalesce(source, '*')
        order by seq desc, content_hash
    ) = 1
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
