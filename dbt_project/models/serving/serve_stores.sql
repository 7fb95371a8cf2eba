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
        agent_id,
        timezone,
        currency,
        is_declared
    from stores
)

select * from published
