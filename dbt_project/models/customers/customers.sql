-- One row per resolved person. Survivorship: a field comes from the newest customer record in which it is known, then
-- from the WeCom contact; an identifier is the one seen last.
with identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

customer_records as (
    select * from {{ ref('stg_files__customers') }}
),

record_customers as (
    select * from {{ ref('record_customers') }}
),

contacts as (
    select * from {{ ref('stg_wecom__contacts') }}
),

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

staff_stores as (
    select * from {{ ref('staff_stores') }}
),

orders as (
    select * from {{ ref('orders') }}
),

consents as (
    select * from {{ ref('customer_consents') }}
),

interactions as (
    select * from {{ ref('interactions') }}
),

interaction_kinds as (
    select * from {{ source('lake', 'interaction_kinds') }}
),

ranked_identifiers as (
    select
        *,
        row_number() over (
            partition by customer_id, identifier_type order by last_seen_at desc, first_seen_at, identifier
        ) as recency
    from identifiers
),

identifiers_of_customers as (
    select
        customer_id,
        max(case when identifier_type = 'phone' and recency = 1 then identifier end) as phone,
        max(case when identifier_type = 'unionid' and recency = 1 then identifier end) as unionid,
        max(case when identifier_type = 'external_userid' and recency = 1 then identifier end) as external_userid,
        max(case when identifier_type = 'member_no' and recency = 1 then identifier end) as member_no,
        count(case when identifier_type <> 'record' then 1 end) as identifiers_count,
        min(first_seen_at) as first_seen_at
    from ranked_identifiers
    group by customer_id
),

ranked_records as (
    select
        record_customers.customer_id,
        customer_records.*,
        row_number() over (
            partition by record_customers.customer_id
            order by coalesce(customer_records.updated_at, customer_records.registered_at) desc, customer_records.record_id
        ) as recency
    from customer_records
    inner join record_customers on 'customers:' || customer_records.record_id = record_customers.record_id
),

newest_known as (
    select
        customer_id,
        {{ first_known('name', 'recency') }} as name,
        {{ first_known('email', 'recency') }} as email,
        {{ first_known('gender', 'recency') }} as gender,
        {{ first_known('city', 'recency') }} as city,
        {{ first_known('country', 'recency') }} as country,
        {{ first_known('store_id', 'recency') }} as store_id,
        {{ first_known('birth_date', 'recency') }} as birth_date
    from ranked_records
    group by customer_id
),

ranked_contacts as (
    select
        identifiers.customer_id,
        contacts.name,
        contacts.gender,
        row_number() over (
            partition by identifiers.customer_id order by contacts.first_followed_at desc, contacts.external_userid
        ) as recency
    from contacts
    inner join identifiers
        on contacts.external_userid = identifiers.identifier
        and identifiers.identifier_type = 'external_userid'
        and identifiers.is_owner
),

contacts_of_customers as (
    select
        customer_id,
        {{ first_known('name', 'recency') }} as name,
        {{ first_known('gender', 'recency') }} as gender
    from ranked_contacts
    group by customer_id
),

-- The owner is the employee of the earliest follow-up that still stands.
owners as (
    select
        identifiers.customer_id,
        follows.userid,
        staff_stores.store_id
    from follows
    inner join identifiers
        on follows.external_userid = identifiers.identifier
        and identifiers.identifier_type = 'external_userid'
        and identifiers.is_owner
    left join staff_stores on follows.userid = staff_stores.userid
    where follows.is_current
    qualify row_number() over (
        partition by identifiers.customer_id order by follows.followed_at, follows.userid, follows.external_userid
    ) = 1
),

orders_of_customers as (
    select
        customer_id,
        min_by(store_id, cast(sold_at as string) || order_key) as first_store_id,
        count(*) as orders_count,
        min(sold_at) as first_order_at,
        max(sold_at) as last_order_at
    from orders
    where is_sale
    group by customer_id
),

-- A withdrawal for every channel ends the grants that are not newer than it.
withdrawals_for_all as (
    select
        customer_id,
        decided_at
    from consents
    where purpose = 'marketing' and channel = 'any' and state = 'withdrawn'
),

marketing_consents as (
    select distinct consents.customer_id
    from consents
    left join withdrawals_for_all on consents.customer_id = withdrawals_for_all.customer_id
    where consents.purpose = 'marketing'
        and consents.state = 'granted'
        and (withdrawals_for_all.decided_at is null or consents.decided_at > withdrawals_for_all.decided_at)
),

-- a mass message or points that expired are no act of the person
last_interactions as (
    select
        interactions.customer_id,
        max(interactions.occurred_at) as last_interaction_at
    from interactions
    inner join interaction_kinds on interactions.kind = interaction_kinds.kind
    where interaction_kinds.is_touch
    group by interactions.customer_id
),

customers as (
    select
        identifiers_of_customers.customer_id,
        coalesce(newest_known.name, contacts_of_customers.name) as name,
        identifiers_of_customers.phone,
        identifiers_of_customers.unionid,
        identifiers_of_customers.external_userid,
        identifiers_of_customers.member_no,
        newest_known.email,
        coalesce(newest_known.gender, contacts_of_customers.gender) as gender,
        newest_known.city,
        newest_known.country,
        coalesce(newest_known.store_id, orders_of_customers.first_store_id) as home_store_id,
        owners.userid as owner_userid,
        owners.store_id as owner_store_id,
        identifiers_of_customers.identifiers_count,
        coalesce(orders_of_customers.orders_count, 0) as orders_count,
        owners.customer_id is not null as is_wecom_contact,
        marketing_consents.customer_id is not null as has_marketing_consent,
        newest_known.birth_date,
        identifiers_of_customers.first_seen_at,
        last_interactions.last_interaction_at,
        orders_of_customers.first_order_at,
        orders_of_customers.last_order_at
    from identifiers_of_customers
    left join newest_known on identifiers_of_customers.customer_id = newest_known.customer_id
    left join contacts_of_customers on identifiers_of_customers.customer_id = contacts_of_customers.customer_id
    left join owners on identifiers_of_customers.customer_id = owners.customer_id
    left join orders_of_customers on identifiers_of_customers.customer_id = orders_of_customers.customer_id
    left join marketing_consents on identifiers_of_customers.customer_id = marketing_consents.customer_id
    left join last_interactions on identifiers_of_customers.customer_id = last_interactions.customer_id
)

select * from customers
