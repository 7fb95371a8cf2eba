with store_rows as (
    select * from {{ source('lake', 'stores') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_states('store_rows', key='store_id', said=[
        'name', 'store_type', 'business_type', 'country', 'region', 'city', 'brand', 'legal_entity', 'agent_id', 'timezone',
        'currency',
    ]) }}
),

stores as (
    select
        newest.store_id,
        newest.name,
        newest.store_type,
        newest.business_type,
        newest.country,
        newest.region,
        newest.city,
        newest.brand,
        newest.legal_entity,
        newest.agent_id,
        newest.timezone,
        newest.currency,
        newest.holds_from,
        newest.opened_on,
        newest.closed_on
    from newest
    cross join this_run
    where newest.holds_from <= this_run.business_date
)

select * from stores
