with store_rows as (
    select * from {{ source('lake', 'stores') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

newest as (
    {{ newest_delivery('store_rows', key=['store_id'], said=[
        'name', 'store_type', 'business_type', 'country', 'region', 'city', 'timezone', 'currency',
    ]) }}
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
