-- How old is what each dataset says, against the run's business date; rows that count, after replacement.
with order_lines as (
    select * from {{ ref('stg_files__order_lines') }}
),

refund_lines as (
    select * from {{ ref('stg_files__refund_lines') }}
),

customer_records as (
    select * from {{ ref('stg_files__customers') }}
),

stores as (
    select * from {{ ref('stg_files__stores') }}
),

consents as (
    select * from {{ ref('stg_store__consents') }}
),

contacts as (
    select * from {{ ref('stg_wecom__contacts') }}
),

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

staff as (
    select * from {{ ref('stg_wecom__staff') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

counted as (
    select 'orders' as dataset, count(*) as rows_count, max(ordered_at) as last_event_at from order_lines
    union all
    select 'refunds' as dataset, count(*) as rows_count, max(refunded_at) as last_event_at from refund_lines
    union all
    select 'customers' as dataset, count(*) as rows_count, max(registered_at) as last_event_at from customer_records
    union all
    select 'stores' as dataset, count(*) as rows_count, cast(null as timestamp) as last_event_at from stores
    union all
    select 'consents' as dataset, count(*) as rows_count, max(decided_at) as last_event_at from consents
    union all
    select 'wecom_contacts' as dataset, count(*) as rows_count, max(first_followed_at) as last_event_at from contacts
    union all
    select 'wecom_follows' as dataset, count(*) as rows_count, max(followed_at) as last_event_at from follows
    union all
    select 'wecom_staff' as dataset, count(*) as rows_count, cast(null as timestamp) as last_event_at from staff
),

data_freshness as (
    select
        counted.dataset,
        counted.rows_count,
        {{ days_between(local_date('counted.last_event_at', 'this_run.company_timezone'), 'this_run.business_date') }} - 1
            as days_behind,
        counted.last_event_at
    from counted
    cross join this_run
)

select * from data_freshness
