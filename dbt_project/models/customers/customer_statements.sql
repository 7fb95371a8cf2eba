{%- set profiles = stated_profiles() -%}
{%- set profile_fields = ['name', 'email', 'gender', 'birth_date', 'city', 'country', 'home_store'] -%}
{#- Datasets of which columns can be custom fields. -#}
{%- set custom_sources = [
    ('customers', 'customer_records', 'record_id', 'registered_at', 'updated_at'),
    ('members', 'members', 'member_no', 'joined_at', 'updated_at'),
    ('leads', 'leads', 'lead_id', 'created_at', 'updated_at'),
    ('enrolments', 'enrolments', 'enrolment_id', 'enrolled_at', 'updated_at'),
] -%}
{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched(touched_customers() + touched_profiles()) }}
-- Every value of every field that records state of a customer, with the newest record that states it. What a source says
-- again and again (orders under one phone) is one row. Nothing is decided here.
with identity_records as (
    select * from {{ ref('identity_records') }}
),

personas as (
    select * from {{ ref('personas') }}
),

persona_customers as (
    select people.* from {{ source('lake', 'persona_customers') }} as people
    {{ only_touched(['people.customer_id']) }}
),

observations as (
    select * from {{ source('lake', 'identity_observations') }}
),

-- orders, coupons and points are most records, and state nothing here
record_customers as (
    select people.* from {{ ref('record_customers') }} as people
    {{ only_touched(['people.customer_id']) }}
    where split_part(record_id, ':', 1) in (
        {%- for source in (profiles + custom_sources) | map('first') | unique %}'{{ source }}'{{ ', ' if not loop.last }}{% endfor -%}
    )
),

customer_records as (
    select * from {{ ref('stg_files__customers') }}
),

members as (
    select * from {{ ref('stg_files__members') }}
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

contacts as (
    select * from {{ ref('stg_wecom__contacts') }}
),

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

field_sources as (
    select * from {{ source('lake', 'customer_field_sources') }}
),

cleared_values as (
    select * from {{ source('lake', 'customer_cleared_values') }}
),

custom_values as (
    select * from {{ source('lake', 'custom_values') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

visitors as (
    select
        visit_key,
        name,
        min(store_id) as store_id,
        min(visited_at) as visited_at
    from visits
    group by visit_key, name
),

-- A follow-up is of the store in which its employee worked when it began.
follows_in_stores as (
    select
        {{ order_key('follows.userid', 'follows.external_userid') }} as follow_key,
        follows.userid,
        follows.external_userid,
        follows.remark,
        staff_periods.store_id,
        follows.followed_at
    from follows
    left join staff_periods
        on follows.userid = staff_periods.staff_id
        and staff_periods.starts_at <= follows.followed_at
        and follows.followed_at < staff_periods.ends_at
),

-- A contact is of the store of its earliest follow-up.
contacts_of_stores as (
    select
        contacts.*,
        first_follows.store_id
    from contacts
    left join (
        select
            external_userid,
            min_by(store_id, cast(followed_at as string) || userid) as store_id
        from follows_in_stores
        where store_id is not null
        group by external_userid
    ) as first_follows on contacts.external_userid = first_follows.external_userid
),

-- WeCom fills a remark with the nickname: only another one says something.
remarks as (
    select follows_in_stores.*
    from follows_in_stores
    left join contacts on follows_in_stores.external_userid = contacts.external_userid
    where follows_in_stores.remark is not null and (contacts.name is null or follows_in_stores.remark <> contacts.name)
),

profiles as (
    {%- for source, relation, key, person, made_at, changed_at, store, columns in profiles %}
    select
        '{{ source }}' as source,
        '{{ source }}:' || {{ key }} as record_id,
        {{ person or "'" ~ source ~ ":' || " ~ key }} as person_record_id,
        {{ store }},
        {%- for field in profile_fields %}
        {{ columns.get(field, 'cast(null as string)') }} as {{ field }},
        {%- endfor %}
        {{ made_at }} as made_at,
        {{ changed_at or 'cast(null as timestamp)' }} as changed_at
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

profile_fields as (
    {% for field in profile_fields %}{% if not loop.first %} union all {% endif %}select '{{ field }}' as field{% endfor %}
),

profiles_of_customers as (
    select
        record_customers.customer_id,
        profiles.*
    from profiles
    inner join record_customers on profiles.person_record_id = record_customers.record_id
),

said_in_profiles as (
    select
        profiles_of_customers.customer_id,
        profile_fields.field,
        case profile_fields.field
            {%- for field in profile_fields %}
            when '{{ field }}' then profiles_of_customers.{{ field }}
            {%- endfor %}
        end as value,
        profiles_of_customers.source,
        profiles_of_customers.record_id,
        profiles_of_customers.store_id,
        profiles_of_customers.made_at,
        profiles_of_customers.changed_at
    from profiles_of_customers
    cross join profile_fields
),

custom_records as (
    {%- for source, relation, key, made_at, changed_at in custom_sources %}
    select
        custom_values.field,
        custom_values.value,
        '{{ source }}' as source,
        '{{ source }}:' || {{ relation }}.{{ key }} as record_id,
        {{ relation }}.store_id,
        {{ relation }}.{{ made_at }} as made_at,
        {{ relation }}.{{ changed_at }} as changed_at
    from {{ relation }}
    inner join custom_values
        on custom_values.dataset = '{{ source }}'
        and {{ relation }}._batch = custom_values.batch
        and {{ relation }}._row = custom_values.row_no
    {%- if not loop.last %} union all {%- endif %}
    {%- endfor %}
),

said_in_custom_fields as (
    select
        record_customers.customer_id,
        custom_records.*
    from custom_records
    inner join record_customers on custom_records.record_id = record_customers.record_id
),

-- A change after as_of is not known yet: the record is taken for as old as it was made.
said_in_records as (
    select
        said.customer_id,
        said.field,
        said.value,
        said.source,
        said.record_id,
        said.store_id,
        cast(1 as bigint) as records_count,
        said.made_at as first_stated_at,
        case when said.changed_at < this_run.as_of then said.changed_at else said.made_at end as stated_at
    from (
        select * from said_in_profiles
        union all
        select * from said_in_custom_fields
    ) as said
    cross join this_run
),

records_of_personas as (
    select
        persona_id,
        source,
        store_id,
        max_by(record_id, coalesce(cast(observed_at as string), '') || record_id) as record_id,
        count(*) as records_count,
        min(observed_at) as first_stated_at,
        max(observed_at) as stated_at
    from identity_records
    {{ only_going_on('semi join persona_customers on identity_records.persona_id = persona_customers.persona_id') }}
    group by persona_id, source, store_id
),

personas_of_customers as (
    select
        persona_customers.customer_id,
        records_of_personas.*
    from records_of_personas
    inner join persona_customers on records_of_personas.persona_id = persona_customers.persona_id
),

said_in_identifiers as (
    select
        personas_of_customers.customer_id,
        observations.identifier_type as field,
        observations.identifier as value,
        personas_of_customers.source,
        personas_of_customers.record_id,
        coalesce(personas_of_customers.store_id, follows_in_stores.store_id, contacts_of_stores.store_id) as store_id,
        personas_of_customers.records_count,
        personas_of_customers.first_stated_at,
        personas_of_customers.stated_at
    from personas_of_customers
    inner join observations on personas_of_customers.persona_id = observations.persona_id
    left join follows_in_stores
        on personas_of_customers.record_id = 'wecom_follows:' || follows_in_stores.follow_key
    left join contacts_of_stores
        on personas_of_customers.record_id = 'wecom_contacts:' || contacts_of_stores.external_userid
    where observations.identifier_type in ('phone', 'unionid', 'external_userid', 'member_no', 'openid')
        and observations.is_identifier
        and observations.refusal is null
),

phones_of_customers as (
    select distinct
        customer_id,
        value as phone
    from said_in_identifiers
    where field = 'phone'
),

receivers as (
    select
        persona_id,
        receiver_name,
        receiver_city,
        concat_ws(' ', receiver_province, receiver_city, receiver_district) as address,
        replace(replace(replace(receiver_phone, '+', ''), ' ', ''), '-', '') as digits
    from personas
    where receiver_phone is not null and not {{ is_masked('receiver_phone') }}
),

-- Who sends to the own phone is the receiver; a gift is sent to somebody else's.
own_receivers as (
    select
        personas_of_customers.*,
        receivers.receiver_name,
        receivers.receiver_city,
        receivers.address
    from receivers
    inner join personas_of_customers on receivers.persona_id = personas_of_customers.persona_id
    inner join phones_of_customers
        on personas_of_customers.customer_id = phones_of_customers.customer_id
        and length(receivers.digits) >= 8
        and phones_of_customers.phone like '%' || receivers.digits
),

said_again as (
    select * from said_in_identifiers
    {%- for field, column in [('name', 'receiver_name'), ('city', 'receiver_city'), ('address', 'address')] %}
    union all
    select
        customer_id,
        '{{ field }}' as field,
        {{ column }} as value,
        source,
        record_id,
        store_id,
        records_count,
        first_stated_at,
        stated_at
    from own_receivers
    {%- endfor %}
),

said_by_sources as (
    select
        customer_id,
        field,
        value,
        source,
        max_by(record_id, coalesce(cast(stated_at as string), '') || record_id) as record_id,
        store_id,
        cast(sum(records_count) as bigint) as records_count,
        min(first_stated_at) as first_stated_at,
        max(stated_at) as stated_at
    from said_again
    group by customer_id, field, value, source, store_id
),

said as (
    select * from said_in_records
    union all
    select * from said_by_sources
),

customer_statements as (
    select
        said.customer_id,
        said.field,
        trim(said.value) as value,
        said.source,
        said.record_id,
        said.store_id,
        said.records_count,
        field_sources.trust,
        field_sources.is_verified,
        {{ is_masked('said.value') }} as is_masked,
        cleared_values.value is not null as is_cleared,
        said.first_stated_at,
        said.stated_at
    from said
    inner join field_sources
        on said.field = field_sources.field
        and said.source = field_sources.source
    left join cleared_values
        on said.field = cleared_values.field
        and lower(trim(said.value)) = cleared_values.value
    where said.value is not null and trim(said.value) <> ''
)

select * from customer_statements
