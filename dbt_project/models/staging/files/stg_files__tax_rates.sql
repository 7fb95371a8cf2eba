with tax_rate_rows as (
    select * from {{ source('lake', 'tax_rates') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

deliveries as (
    select
        tax_rate_rows.*,
        batches.seq,
        {{ content_hash(['tax_rate_rows.source', 'rate', 'valid_to']) }} as content_hash
    from tax_rate_rows
    inner join batches on tax_rate_rows._batch = batches.batch
),

newest as (
    select * from deliveries
    qualify row_number() over (
        partition by jurisdiction, category, coalesce(tax, '*'), valid_from
        order by seq desc, content_hash
    ) = 1
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
