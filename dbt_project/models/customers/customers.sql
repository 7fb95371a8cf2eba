{%- set survivors = [
    'name', 'phone', 'unionid', 'external_userid', 'member_no', 'email', 'gender', 'city', 'country', 'address', 'birth_date',
    'home_store',
] -%}
{%- set everybody = 'select customer_id from ' ~ ref('customer_identifiers') -%}
{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched([
    changed(ref('customer_identifiers'), ['customer_id']),
    changed(ref('customer_fields'), ['customer_id']),
    changed(ref('customer_owners'), ['customer_id']),
    changed(ref('orders'), ['customer_id']),
    changed(ref('customer_consents'), ['customer_id']),
    changed(ref('interactions'), ['customer_id']),
    who_has('identifier', ref('customer_identifiers'), changed(ref('stg_wecom__contacts'), ['external_userid'])),
    everybody ~ ' where exists (' ~ changed(ref('stores'), ['1']) ~ ')',
]) }}
-- One row per resolved person: the values that survived (customer_fields), who looks after them now, and where they are at
-- home. Of owner, home store and region the first rule of the customer document that finds one.
with identifiers as (
    select told.* from {{ ref('customer_identifiers') }} as told
    {{ only_touched(['told.customer_id']) }}
),

fields as (
    select told.* from {{ ref('customer_fields') }} as told
    {{ only_touched(['told.customer_id']) }}
),

customer_owners as (
    select told.* from {{ ref('customer_owners') }} as told
    {{ only_touched(['told.customer_id']) }}
),

rules as (
    select * from {{ source('lake', 'customer_rules') }}
),

contacts as (
    select * from {{ ref('stg_wecom__contacts') }}
    where is_current
),

stores as (
    select * from {{ ref('stores') }}
),

orders as (
    select told.* from {{ ref('orders') }} as told
    {{ only_touched(['told.customer_id']) }}
),

consents as (
    select told.* from {{ ref('customer_consents') }} as told
    {{ only_touched(['told.customer_id']) }}
),

interactions as (
    select told.* from {{ ref('interactions') }} as told
    {{ only_touched(['told.customer_id']) }}
),

interaction_kinds as (
    select * from {{ source('lake', 'interaction_kinds') }}
),

identifiers_of_customers as (
    select
        customer_id,
        count(case when identifier_type <> 'record' then 1 end) as identifiers_count,
        min(first_seen_at) as first_seen_at
    from identifiers
    group by customer_id
),

survivors as (
    select
        customer_id,
        {%- for field in survivors %}
        max(case when field = '{{ field }}' then value end) as {{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from fields
    group by customer_id
),

owners as (
    select * from customer_owners
    where valid_to is null
),

wecom_contacts as (
    select distinct identifiers.customer_id
    from contacts
    inner join identifiers
        on contacts.external_userid = identifiers.identifier
        and identifiers.identifier_type = 'external_userid'
        and identifiers.is_owner
),

orders_of_customers as (
    select
        customer_id,
        min_by(store_id, cast(sold_at as string) || order_key) as first_store_id,
        max_by(store_id, cast(sold_at as string) || order_key) as latest_store_id,
        count(*) as orders_count,
        min(sold_at) as first_order_at,
        max(sold_at) as last_order_at
    from orders
    where is_sale
    group by customer_id
),

orders_of_stores as (
    select
        orders.customer_id,
        orders.store_id,
        count(*) as orders_count,
        max(orders.sold_at) as last_order_at
    from orders
    inner join rules on rules.subject = 'home_store' and rules.rule = 'most_orders'
    where orders.is_sale and orders.customer_id is not null
    group by orders.customer_id, orders.store_id
),

favourite_stores as (
    select
        customer_id,
        store_id
    from orders_of_stores
    qualify row_number() over (
        partition by customer_id order by orders_count desc, last_order_at desc, store_id
    ) = 1
),

possible_homes as (
    select
        customer_id,
        'stated' as rule,
        home_store as store_id
    from survivors
    union all
    select
        customer_id,
        'first_order' as rule,
        first_store_id as store_id
    from orders_of_customers
    union all
    select
        customer_id,
        'latest_order' as rule,
        latest_store_id as store_id
    from orders_of_customers
    union all
    select
        customer_id,
        'most_orders' as rule,
        store_id
    from favourite_stores
    union all
    select
        customer_id,
        'owner_store' as rule,
        store_id
    from owners
),

home_stores as (
    select
        possible_homes.customer_id,
        possible_homes.store_id,
        possible_homes.rule
    from possible_homes
    inner join rules on possible_homes.rule = rules.rule and rules.subject = 'home_store'
    where possible_homes.store_id is not null
    qualify row_number() over (partition by possible_homes.customer_id order by rules.rule_seq) = 1
),

declared_regions as (
    select
        store_id,
        city,
        region
    from stores
    where region <> 'undeclared'
),

-- A city in which stores of two regions stand says nothing.
regions_of_cities as (
    select
        city,
        min(region) as region
    from declared_regions
    where city is not null
    group by city
    having count(distinct region) = 1
),

possible_regions as (
    select
        home_stores.customer_id,
        'store' as rule,
        declared_regions.region
    from home_stores
    inner join declared_regions on home_stores.store_id = declared_regions.store_id
    union all
    select
        survivors.customer_id,
        'city' as rule,
        regions_of_cities.region
    from survivors
    inner join regions_of_cities on survivors.city = regions_of_cities.city
),

regions as (
    select
        possible_regions.customer_id,
        possible_regions.region,
        possible_regions.rule
    from possible_regions
    inner join rules on possible_regions.rule = rules.rule and rules.subject = 'region'
    qualify row_number() over (partition by possible_regions.customer_id order by rules.rule_seq) = 1
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
        survivors.name,
        survivors.phone,
        survivors.unionid,
        survivors.external_userid,
        survivors.member_no,
        survivors.email,
        survivors.gender,
        survivors.city,
        survivors.country,
        survivors.address,
        home_stores.store_id as home_store_id,
        home_stores.rule as home_store_rule,
        regions.region,
        regions.rule as region_rule,
        owners.userid as owner_userid,
        owners.store_id as owner_store_id,
        owners.rule as owner_rule,
        identifiers_of_customers.identifiers_count,
        coalesce(orders_of_customers.orders_count, 0) as orders_count,
        wecom_contacts.customer_id is not null as is_wecom_contact,
        marketing_consents.customer_id is not null as has_marketing_consent,
        try_cast(survivors.birth_date as date) as birth_date,
        identifiers_of_customers.first_seen_at,
        last_interactions.last_interaction_at,
        orders_of_customers.first_order_at,
        orders_of_customers.last_order_at
    from identifiers_of_customers
    left join survivors on identifiers_of_customers.customer_id = survivors.customer_id
    left join home_stores on identifiers_of_customers.customer_id = home_stores.customer_id
    left join regions on identifiers_of_customers.customer_id = regions.customer_id
    left join owners on identifiers_of_customers.customer_id = owners.customer_id
    left join wecom_contacts on identifiers_of_customers.customer_id = wecom_contacts.customer_id
    left join orders_of_customers on identifiers_of_customers.customer_id = orders_of_customers.customer_id
    left join marketing_consents on identifiers_of_customers.customer_id = marketing_consents.customer_id
    left join last_interactions on identifiers_of_customers.customer_id = last_interactions.customer_id
)

select * from customers
