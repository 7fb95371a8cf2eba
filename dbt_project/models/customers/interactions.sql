-- One timeline. Ids say what happened to which object, so that a rebuild gives the same ids.
with orders as (
    select * from {{ ref('orders') }}
),

refunds as (
    select * from {{ ref('refunds') }}
),

stores as (
    select * from {{ ref('stores') }}
),

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

staff_stores as (
    select * from {{ ref('staff_stores') }}
),

customer_records as (
    select * from {{ ref('stg_files__customers') }}
),

record_customers as (
    select * from {{ ref('record_customers') }}
),

consents as (
    select * from {{ ref('stg_store__consents') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

orders_paid as (
    select
        'order_paid:' || orders.order_key as interaction_id,
        orders.customer_id,
        'order_paid' as kind,
        case stores.store_type when 'online' then 'online' when 'undeclared' then 'undeclared' else 'store' end as channel,
        orders.store_id,
        orders.salesperson_id as staff_id,
        orders.order_key as object_id,
        orders.currency,
        orders.paid_amount as amount,
        orders.sold_at as occurred_at
    from orders
    inner join stores on orders.store_id = stores.store_id
    where orders.is_sale
),

refunds_accepted as (
    select
        'refund:' || refunds.refund_line_id as interaction_id,
        refunds.customer_id,
        'refund' as kind,
        case stores.store_type when 'online' then 'online' when 'undeclared' then 'undeclared' else 'store' end as channel,
        refunds.store_id,
        cast(null as string) as staff_id,
        refunds.refund_line_id as object_id,
        refunds.currency,
        refunds.refund_amount as amount,
        refunds.refunded_at as occurred_at
    from refunds
    inner join stores on refunds.store_id = stores.store_id
),

contacts_added as (
    select
        'contact_added:' || {{ order_key('follows.userid', 'follows.external_userid') }} as interaction_id,
        identifiers.customer_id,
        'contact_added' as kind,
        'wecom' as channel,
        staff_stores.store_id,
        follows.userid as staff_id,
        follows.external_userid as object_id,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        follows.followed_at as occurred_at
    from follows
    inner join identifiers
        on follows.external_userid = identifiers.identifier
        and identifiers.identifier_type = 'external_userid'
        and identifiers.is_owner
    left join staff_stores on follows.userid = staff_stores.userid
),

registrations as (
    select
        'registered:' || customer_records.record_id as interaction_id,
        record_customers.customer_id,
        'registered' as kind,
        'member' as channel,
        customer_records.store_id,
        cast(null as string) as staff_id,
        customer_records.record_id as object_id,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        customer_records.registered_at as occurred_at
    from customer_records
    inner join record_customers on 'customers:' || customer_records.record_id = record_customers.record_id
),

consent_decisions as (
    select
        'consent_' || consents.state || ':' || consents.consent_id as interaction_id,
        identifiers.customer_id,
        'consent_' || consents.state as kind,
        consents.channel,
        cast(null as string) as store_id,
        cast(null as string) as staff_id,
        consents.purpose as object_id,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        consents.decided_at as occurred_at
    from consents
    inner join identifiers
        on consents.identifier_type = identifiers.identifier_type
        and consents.identifier = identifiers.identifier
        and identifiers.is_owner
),

interactions as (
    select * from orders_paid
    where customer_id is not null
    union all
    select * from refunds_accepted
    where customer_id is not null
    union all
    select * from contacts_added
    union all
    select * from registrations
    union all
    select * from consent_decisions
)

select * from interactions
