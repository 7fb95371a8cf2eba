-- What a store was on a day: its states one after another, without a gap. Declared stores, and those that only facts speak
-- of. `unknown` is the store of a refund that names none. A fact takes the period of its own day, also when the store is
-- another kind of store by now.
with declared as (
    select * from {{ ref('stg_files__stores') }}
),

order_lines as (
    select * from {{ ref('stg_channels__order_lines') }}
),

refund_lines as (
    select * from {{ ref('stg_channels__refund_lines') }}
),

customer_records as (
    select * from {{ ref('stg_files__customers') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

met as (
    select store_id from order_lines
    union
    select coalesce(store_id, 'unknown') as store_id from refund_lines
    union
    select store_id from customer_records
    where store_id is not null
),

undeclared as (
    select met.store_id
    from met
    left join declared on met.store_id = declared.store_id
    where declared.store_id is null
),

periods as (
    select
        declared.store_id,
        declared.name,
        declared.store_type,
        coalesce(declared.business_type, 'undeclared') as business_type,
        declared.country,
        declared.region,
        declared.city,
        declared.brand,
        declared.legal_entity,
        declared.agent_id,
        coalesce(declared.timezone, this_run.company_timezone) as timezone,
        coalesce(declared.currency, this_run.company_currency) as currency,
        true as is_declared,
        declared.opened_on,
        declared.closed_on,
        {{ first_day_of_state('declared.store_id') }} as valid_from,
        {{ day_after_state('declared.store_id') }} as valid_to
    from declared
    cross join this_run
    union all
    select
        undeclared.store_id,
        undeclared.store_id as name,
        'undeclared' as store_type,
        'undeclared' as business_type,
        cast(null as string) as country,
        'undeclared' as region,
        cast(null as string) as city,
        cast(null as string) as brand,
        cast(null as string) as legal_entity,
        cast(null as string) as agent_id,
        this_run.company_timezone as timezone,
        this_run.company_currency as currency,
        false as is_declared,
        cast(null as date) as opened_on,
        cast(null as date) as closed_on,
        date '1900-01-01' as valid_from,
        date '9999-12-31' as valid_to
    from undeclared
    cross join this_run
),

present as (
    select
        periods.store_id,
        periods.timezone
    from periods
    cross join this_run
    where periods.valid_from <= this_run.business_date and this_run.business_date < periods.valid_to
),

-- The same days as moments, so that what happened finds its period without its own day: a civil day of a store is that of the
-- time zone which it has now.
store_periods as (
    select
        periods.store_id,
        periods.name,
        periods.store_type,
        periods.business_type,
        periods.country,
        periods.region,
        periods.city,
        periods.brand,
        periods.legal_entity,
        periods.agent_id,
        periods.timezone,
        periods.currency,
        periods.is_declared,
        periods.opened_on,
        periods.closed_on,
        periods.valid_from,
        periods.valid_to,
        {{ day_start('periods.valid_from', 'present.timezone') }} as starts_at,
        {{ day_start('periods.valid_to', 'present.timezone') }} as ends_at
    from periods
    inner join present on periods.store_id = present.store_id
)

select * from store_periods
