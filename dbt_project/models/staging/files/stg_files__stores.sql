with store_rows as (
    select * from {{ source('lake', 'stores') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

observations as (
    select
        store_rows.store_id,
        store_rows.name,
        store_rows.store_type,
        store_rows.business_type,
        store_rows.country,
        store_rows.region,
        store_rows.city,
        store_rows.timezone,
        store_rows.currency,
        store_rows.opened_on,
        store_rows.closed_on,
        batches.seq,
        {{ content_hash(['name', 'store_type', 'business_type', 'country', 'region', 'city', 'timezone', 'currency']) }}
            as content_hash
    from store_rows
    inner join batches on store_rows._batch = batches.batch
),

newest as (
    select * from observations
    qualify row_number() over (partition by store_id order by seq desc, content_hash) = 1
),

stores as (
    select
        store_id,
        name,
        store_type,
        business_type,
        country,
        region,
        city,
        timezone,
        currency,
        opened_on,
        closed_on
    from newest
)

select * from stores
