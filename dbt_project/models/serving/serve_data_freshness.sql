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

members as (
    select * from {{ ref('stg_files__members') }}
),

employees as (
    select * from {{ ref('stg_files__staff') }}
),

products as (
    select * from {{ ref('stg_files__products') }}
),

leads as (
    select * from {{ ref('stg_files__leads') }}
),

follow_ups as (
    select * from {{ ref('stg_files__follow_ups') }}
),

tickets as (
    select * from {{ ref('stg_files__tickets') }}
),

visits as (
    select * from {{ ref('stg_files__visits') }}
),

enrolments as (
    select * from {{ ref('stg_files__enrolments') }}
),

points as (
    select * from {{ ref('stg_files__points') }}
),

cards as (
    select * from {{ ref('stg_files__cards') }}
),

coupons as (
    select * from {{ ref('stg_files__coupons') }}
),

costs as (
    select * from {{ ref('stg_files__costs') }}
),

fx_rates as (
    select * from {{ ref('stg_files__fx_rates') }}
),

tax_rates as (
    select * from {{ ref('stg_files__tax_rates') }}
),

shop_statements as (
    select * from {{ ref('stg_files__shop_statements') }}
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
    select 'members' as dataset, count(*) as rows_count, max(joined_at) as last_event_at from members
    union all
    select 'staff' as dataset, count(*) as rows_count, cast(null as timestamp) as last_event_at from employees
    union all
    select 'products' as dataset, count(*) as rows_count, cast(null as timestamp) as last_event_at from products
    union all
    select 'leads' as dataset, count(*) as rows_count, max(created_at) as last_event_at from leads
    union all
    select 'follow_ups' as dataset, count(*) as rows_count, max(followed_at) as last_event_at from follow_ups
    union all
    select 'tickets' as dataset, count(*) as rows_count, max(opened_at) as last_event_at from tickets
    union all
    select 'visits' as dataset, count(*) as rows_count, max(visited_at) as last_event_at from visits
    union all
    select 'enrolments' as dataset, count(*) as rows_count, max(enrolled_at) as last_event_at from enrolments
    union all
    select 'points' as dataset, count(*) as rows_count, max(occurred_at) as last_event_at from points
    union all
    select 'cards' as dataset, count(*) as rows_count, max(occurred_at) as last_event_at from cards
    union all
    select 'coupons' as dataset, count(*) as rows_count, max(issued_at) as last_event_at from coupons
    union all
    select 'costs' as dataset, count(*) as rows_count, cast(null as timestamp) as last_event_at from costs
    union all
    select 'fx_rates' as dataset, count(*) as rows_count, cast(null as timestamp) as last_event_at from fx_rates
    union all
    select 'tax_rates' as dataset, count(*) as rows_count, cast(null as timestamp) as last_event_at from tax_rates
    union all
    select 'shop_statements' as dataset, count(*) as rows_count, max(occurred_at) as last_event_at from shop_statements
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
