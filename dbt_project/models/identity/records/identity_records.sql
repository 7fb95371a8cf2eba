{#- What a record may state, and which datasets state what of it. -#}
{%- set columns = [
    ('unionid', 'string'), ('external_userid', 'string'), ('phone', 'string'), ('member_no', 'string'), ('openid', 'string'),
    ('visitor_id', 'string'), ('buyer_platform', 'string'), ('buyer_platform_id', 'string'), ('record', 'string'),
    ('name', 'string'), ('gender', 'string'), ('birth_date', 'date'),
] -%}
{%- set person = ['unionid', 'external_userid', 'phone', 'member_no'] -%}
{%- set sources = [
    ('orders', 'buyers', 'record_id', 'observed_at', person + ['buyer_platform', 'buyer_platform_id']),
    ('customers', 'known_customers', 'record_id', 'registered_at', person + ['record', 'name', 'gender', 'birth_date']),
    ('members', 'members', 'member_no', 'joined_at', person + ['name', 'gender', 'birth_date']),
    ('leads', 'leads', 'lead_id', 'created_at', person + ['name']),
    ('follow_ups', 'follow_ups', 'follow_up_id', 'followed_at', person),
    ('tickets', 'tickets', 'ticket_id', 'opened_at', person + ['name']),
    ('visits', 'visitors', 'visit_key', 'first_visit_at', person + ['name']),
    ('enrolments', 'enrolments', 'enrolment_id', 'enrolled_at', person),
    ('points', 'points', 'entry_id', 'occurred_at', person),
    ('cards', 'cards', 'entry_id', 'occurred_at', person),
    ('coupons', 'coupons', 'coupon_code', 'issued_at', person),
    ('wecom_contacts', 'contacts', 'external_userid', 'first_followed_at', ['unionid', 'external_userid', 'gender']),
    ('wecom_follows', 'contact_phones', 'follow_key', 'followed_at', ['external_userid', 'phone']),
    ('app_users', 'app_users', 'user_key', 'first_event_at', ['unionid', 'openid', 'visitor_id']),
] -%}
-- What records say of whom they are about: one row per record and combination of what it says. An order file may name two
-- buyers of one order; what a platform calls a buyer stands on the same row as what a file says of him.
with order_lines as (
    select * from {{ ref('stg_channels__order_lines') }}
),

file_order_lines as (
    select * from {{ ref('stg_files__order_lines') }}
),

refund_lines as (
    select * from {{ ref('stg_channels__refund_lines') }}
),

file_refund_lines as (
    select * from {{ ref('stg_files__refund_lines') }}
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

points as (
    select * from {{ ref('stg_files__points') }}
),

cards as (
    select * from {{ ref('stg_files__cards') }}
),

coupons as (
    select * from {{ ref('stg_files__coupons') }}
),

contacts as (
    select * from {{ ref('stg_wecom__contacts') }}
),

follow_phones as (
    select * from {{ ref('stg_wecom__follow_phones') }}
),

app_events as (
    select * from {{ ref('stg_mini_program__events') }}
),

-- A platform's order is told apart from a file's; an order that both bring has one buyer.
platform_buyers as (
    select
        'orders:' || order_key as record_id,
        min(buyer_platform) as buyer_platform,
        min(buyer_platform_id) as buyer_platform_id,
        min(ordered_at) as observed_at
    from order_lines
    where buyer_platform_id is not null
    group by order_key
    union all
    select
        'refunds:' || refund_key as record_id,
        min(buyer_platform) as buyer_platform,
        min(buyer_platform_id) as buyer_platform_id,
        min(refunded_at) as observed_at
    from refund_lines
    where buyer_platform_id is not null
    group by refund_key
),

file_buyers as (
    select
        'orders:' || order_key as record_id,
        buyer_unionid as unionid,
        buyer_external_userid as external_userid,
        buyer_phone as phone,
        buyer_member_no as member_no,
        min(ordered_at) as observed_at
    from file_order_lines
    group by order_key, buyer_unionid, buyer_external_userid, buyer_phone, buyer_member_no
    union all
    select
        'refunds:' || refund_key as record_id,
        buyer_unionid as unionid,
        buyer_external_userid as external_userid,
        buyer_phone as phone,
        buyer_member_no as member_no,
        min(refunded_at) as observed_at
    from file_refund_lines
    group by refund_key, buyer_unionid, buyer_external_userid, buyer_phone, buyer_member_no
),

buyers as (
    select
        coalesce(file_buyers.record_id, platform_buyers.record_id) as record_id,
        file_buyers.unionid,
        file_buyers.external_userid,
        file_buyers.phone,
        file_buyers.member_no,
        platform_buyers.buyer_platform,
        platform_buyers.buyer_platform_id,
        case
            when file_buyers.observed_at < platform_buyers.observed_at then file_buyers.observed_at
            else coalesce(platform_buyers.observed_at, file_buyers.observed_at)
        end as observed_at
    from file_buyers
    full outer join platform_buyers on file_buyers.record_id = platform_buyers.record_id
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
        {{ content_hash([
            'unionid', 'external_userid', 'phone', 'member_no', 'openid', 'visitor_id', 'buyer_platform', 'buyer_platform_id',
            'record', 'name', 'gender', 'birth_date', 'seen_in',
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
        observed_at
    from dated
)

select * from identity_records
