with stores as (
    select * from {{ ref('stores') }}
),

published as (
    select
        store_id,
        name,
        store_type,
        business_type,
        country,
        region,
        city,
        brand,
        legal_entity,
        timezone,
        currency,
        is_declared
    from stores
)

select * from published
