-- Stores as they are on the run's business date.
with store_periods as (
    select * from {{ ref('store_periods') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

stores as (
    select
        store_periods.store_id,
        store_periods.name,
        store_periods.store_type,
        store_periods.business_type,
        store_periods.country,
        store_periods.region,
        store_periods.city,
        store_periods.brand,
        store_periods.legal_entity,
        store_periods.agent_id,
        store_periods.timezone,
        store_periods.currency,
        store_periods.is_declared,
        store_periods.opened_on,
        store_periods.closed_on
    from store_periods
    cross join this_run
    where store_periods.valid_from <= this_run.business_date and this_run.business_date < store_periods.valid_to
)

select * from stores
