{#- What a record may state, and which datasets state what of it. -#}
{%- set columns = [
    ('unionid', 'string'), ('external_userid', 'string'), ('phone', 'string'), ('member_no', 'string'), ('openid', 'string'),
    ('visitor_id', 'string'), ('buyer_platform', 'string'), ('buyer_platform_id', 'string'), ('record', 'string'),
    ('name', 'string'), ('gender', 'string'), ('birth_date', 'date'), ('city', 'string'),
    ('receiver_name', 'string'), ('receiver_phone', 'string'), ('receiver_province', 'string'), ('receiver_city', 'string'),
    ('receiver_district', 'string'), ('store_id', 'string'),
] -%}
{%- set person = ['unionid', 'external_userid', 'phone', 'member_no'] -%}
{#- To whom an order is sent: evidence of likeness, never an identifier. A gift is sent to somebody else. -#}
{%- set receiver = ['receiver_name', 'receiver_phone', 'receiver_province', 'receiver_city', 'receiver_district'] -%}
{%- set sources = [
    ('orders', 'buyers', 'record_id', 'observed_at', person + ['openid', 'buyer_platform', 'buyer_platform_id', 'store_id'] + receiver),
    ('customers', 'known_customers', 'record_id', 'registered_at', person + ['record', 'name', 'gender', 'birth_date', 'city', 'store_id']),
    ('members', 'members', 'member_no', 'joined_at', person + ['name', 'gender', 'birth_date', 'store_id']),
    ('leads', 'leads', 'lead_id', 'created_at', person + ['name', 'store_id']),
    ('follow_ups', 'follow_ups', 'follow_up_id', 'followed_at', person + ['store_id']),
    ('tickets', 'asked', 'ticket_id', 'opened_at', person + ['openid', 'buyer_platform', 'buyer_platform_id', 'name', 'store_id']),
    ('visits', 'visitors', 'visit_key', 'first_visit_at', person + ['name', 'store_id']),
    ('enrolments', 'enrolments', 'enrolment_id', 'enrolled_at', person + ['store_id']),
    ('points', 'points', 'entry_id', 'occurred_at', person + ['store_id']),
    ('cards', 'cards', 'entry_id', 'occurred_at', person + ['store_id']),
    ('coupons', 'coupons', 'coupon_code', 'issued_at', person + ['store_id']),
    ('wecom_contacts', 'contacts', 'external_userid', 'first_followed_at', ['unionid', 'external_userid', 'gender']),
    ('wecom_follows', 'contact_phones', 'follow_key', 'followed_at', ['external_userid', 'phone']),
    ('app_users', 'app_users', 'user_key', 'first_event_at', ['unionid', 'openid', 'visitor_id']),
] -%}
{%- set app_user = ['app_id', 'openid', 'unionid', 'visitor_id'] -%}
{#- Staged tables of which a row is a record: how it is called here, the first part of its record's id, the table, its key. -#}
{%- set records = [
    ('customer_records', 'customers', ref('stg_files__customers'), 'record_id'),
    ('members', 'members', ref('stg_files__members'), 'member_no'),
    ('leads', 'leads', ref('stg_files__leads'), 'lead_id'),
    ('follow_ups', 'follow_ups', ref('stg_files__follow_ups'), 'follow_up_id'),
    ('tickets', 'tickets', ref('stg_files__tickets'), 'ticket_id'),
    ('visits', 'visits', ref('stg_files__visits'), 'visit_key'),
    ('enrolments', 'enrolments', ref('stg_files__enrolments'), 'enrolment_id'),
    ('points', 'points', ref('stg_files__points'), 'entry_id'),
    ('cards', 'cards', ref('stg_files__cards'), 'entry_id'),
    ('coupons', 'coupons', ref('stg_files__coupons'), 'coupon_code'),
    ('contacts', 'wecom_contacts', ref('stg_wecom__contacts'), 'external_userid'),
] -%}
{%- set touched_records = [] -%}
{%- for _, kind, table, key in records -%}
    {%- do touched_records.append(changed(table, ["'" ~ kind ~ ":' || " ~ key])) -%}
{%- endfor -%}
{{ config(materialized='incremental_by_key', by=['record_id']) }}
{{ touched(touched_records + [
    changed(ref('stg_wecom__follow_phones'), ["'wecom_follows:' || " ~ order_key('userid', 'external_userid')]),
    changed(ref('stg_mini_program__events'), ["'app_users:' || " ~ content_hash(app_user)]),
    changed(ref('stg_channels__refund_lines'), ["'refunds:' || refund_key"]),
    changed(ref('stg_files__refund_lines'), ["'refunds:' || refund_key"]),
    touched_orders(),
    touched_tickets(),
]) }}
-- What records say of whom they are about: one row per record and combination of what it says. An order file may name two
-- buyers of one order; what a platform calls a buyer stands on the same row as what a file says of him.
with buyers as (
    select * from {{ ref('identity_records__buyers') }}
),

{% for name, kind, table, key in records -%}
{{ name }} as (
    select stated_rows.* from {{ table }} as stated_rows
    {{ only_touched(["'" ~ kind ~ ":' || stated_rows." ~ key]) }}
),

{% endfor -%}
follow_phones as (
    select stated_rows.* from {{ ref('stg_wecom__follow_phones') }} as stated_rows
    {{ only_touched(["'wecom_follows:' || " ~ order_key('stated_rows.userid', 'stated_rows.external_userid')]) }}
),

app_events as (
    select event_rows.* from {{ ref('stg_mini_program__events') }} as event_rows
    {{ only_going_on('semi join (select distinct app_id, openid, unionid, visitor_id from changes.stg_mini_program__events) as users'
        ~ ' on event_rows.app_id = users.app_id and event_rows.openid is not distinct from users.openid'
        ~ ' and event_rows.unionid is not distinct from users.unionid'
        ~ ' and event_rows.visitor_id is not distinct from users.visitor_id') }}
),

buyers_of_orders as (
    select
        record_id,
        min(unionid) as unionid,
        min(external_userid) as external_userid,
        min(phone) as phone,
        min(member_no) as member_no,
        min(openid) as openid,
        min(buyer_platform) as buyer_platform,
        min(buyer_platform_id) as buyer_platform_id
    from buyers
    where record_id like 'orders:%'
    group by record_id
    having count(*) = 1
),

-- Who asks about an order and says no more than a name is its buyer.
asked as (
    select
        tickets.ticket_id,
        coalesce(tickets.unionid, buyers_of_orders.unionid) as unionid,
        coalesce(tickets.external_userid, buyers_of_orders.external_userid) as external_userid,
        coalesce(tickets.phone, buyers_of_orders.phone) as phone,
        coalesce(tickets.member_no, buyers_of_orders.member_no) as member_no,
        buyers_of_orders.openid,
        buyers_of_orders.buyer_platform,
        buyers_of_orders.buyer_platform_id,
        tickets.name,
        tickets.store_id,
        tickets.opened_at
    from tickets
    left join buyers_of_orders
        on 'orders:' || {{ order_key('tickets.store_id', 'tickets.order_id') }} = buyers_of_orders.record_id
        and coalesce(tickets.unionid, tickets.external_userid, tickets.phone, tickets.member_no) is null
),

app_users as (
    select
        {{ content_hash(['app_id', 'openid', 'unionid', 'visitor_id']) }} as user_key,
        unionid,
        app_id || ':' || openid as openid,
        visitor_id,
        min(occurred_at) as first_event_at
    from app_events
    group by app_id, openid, unionid, visitor_id
),

known_customers as (
    select
        *,
        'customers:' || record_id as record
    from customer_records
),

visitors as (
    select
        visit_key,
        unionid,
        external_userid,
        phone,
        member_no,
        name,
        min(store_id) as store_id,
        min(visited_at) as first_visit_at
    from visits
    group by visit_key, unionid, external_userid, phone, member_no, name
),

contact_phones as (
    select
        {{ order_key('userid', 'external_userid') }} as follow_key,
        external_userid,
        phone,
        followed_at
    from follow_phones
),

stated as (
    {%- for source, relation, key, seen_at, stated in sources %}
    select
        {{ "'" ~ source ~ ":' || " ~ key if source != 'orders' else key }} as record_id,
        {{ "'" ~ source ~ "'" if source != 'orders' else "case when record_id like 'orders:%' then 'orders' else 'refunds' end" }} as source,
        {%- for column, type in columns %}
        {{ column if column in stated else 'cast(null as ' ~ type ~ ') as ' ~ column }},
        {%- endfor %}
        {{ seen_at }} as observed_at
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Whoever states no more than a phone or a device may be another one next year: such personas last a month.
dated as (
    select
        *,
        case
            when coalesce(unionid, external_userid, member_no, openid, buyer_platform_id, record, name) is null
                then substr(cast(observed_at as string), 1, 7)
        end as seen_in
    from stated
),

identity_records as (
    select
        {{ content_number([
            'unionid', 'external_userid', 'phone', 'member_no', 'openid', 'visitor_id', 'buyer_platform', 'buyer_platform_id',
            'record', 'name', 'gender', 'birth_date', 'city', 'receiver_name', 'receiver_phone', 'receiver_province',
            'receiver_city', 'receiver_district', 'seen_in',
        ]) }} as persona_id,
        record_id,
        source,
        unionid,
        external_userid,
        phone,
        member_no,
        openid,
        visitor_id,
        buyer_platform,
        buyer_platform_id,
        record,
        name,
        gender,
        birth_date,
        city,
        receiver_name,
        receiver_phone,
        receiver_province,
        receiver_city,
        receiver_district,
        store_id,
        observed_at
    from dated
)

select * from identity_records
