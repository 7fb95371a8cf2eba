-- Which identifiers were seen together on one record. Blocked values and limits are the Python step's business.
with order_lines as (
    select * from {{ ref('stg_files__order_lines') }}
),

refund_lines as (
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

records as (
    select
        'orders:' || order_key as record_id,
        'orders' as source,
        buyer_unionid as unionid,
        buyer_external_userid as external_userid,
        buyer_phone as phone,
        buyer_member_no as member_no,
        cast(null as string) as record,
        min(ordered_at) as observed_at
    from order_lines
    group by order_key, buyer_unionid, buyer_external_userid, buyer_phone, buyer_member_no
    union all
    select
        'refunds:' || refund_key as record_id,
        'refunds' as source,
        buyer_unionid as unionid,
        buyer_external_userid as external_userid,
        buyer_phone as phone,
        buyer_member_no as member_no,
        cast(null as string) as record,
        min(refunded_at) as observed_at
    from refund_lines
    group by refund_key, buyer_unionid, buyer_external_userid, buyer_phone, buyer_member_no
    union all
    select
        'customers:' || record_id as record_id,
        'customers' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        'customers:' || record_id as record,
        registered_at as observed_at
    from customer_records
    union all
    select
        'members:' || member_no as record_id,
        'members' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        joined_at as observed_at
    from members
    union all
    select
        'leads:' || lead_id as record_id,
        'leads' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        created_at as observed_at
    from leads
    union all
    select
        'follow_ups:' || follow_up_id as record_id,
        'follow_ups' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        followed_at as observed_at
    from follow_ups
    union all
    select
        'tickets:' || ticket_id as record_id,
        'tickets' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        opened_at as observed_at
    from tickets
    union all
    select
        'visits:' || visit_key as record_id,
        'visits' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        min(visited_at) as observed_at
    from visits
    group by visit_key, unionid, external_userid, phone, member_no
    union all
    select
        'enrolments:' || enrolment_id as record_id,
        'enrolments' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        enrolled_at as observed_at
    from enrolments
    union all
    select
        'points:' || entry_id as record_id,
        'points' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        occurred_at as observed_at
    from points
    union all
    select
        'cards:' || entry_id as record_id,
        'cards' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        occurred_at as observed_at
    from cards
    union all
    select
        'coupons:' || coupon_code as record_id,
        'coupons' as source,
        unionid,
        external_userid,
        phone,
        member_no,
        cast(null as string) as record,
        issued_at as observed_at
    from coupons
    union all
    select
        'wecom_contacts:' || external_userid as record_id,
        'wecom_contacts' as source,
        unionid,
        external_userid,
        cast(null as string) as phone,
        cast(null as string) as member_no,
        cast(null as string) as record,
        first_followed_at as observed_at
    from contacts
    union all
    select
        'wecom_follows:' || {{ order_key('userid', 'external_userid') }} as record_id,
        'wecom_follows' as source,
        cast(null as string) as unionid,
        external_userid,
        phone,
        cast(null as string) as member_no,
        cast(null as string) as record,
        followed_at as observed_at
    from follow_phones
),

-- What a platform calls a buyer stands on the same record as what a file says of him: one order, one buyer.
platform_buyers as (
    select
        'orders:' || order_key as record_id,
        'orders' as source,
        buyer_platform as identifier_type,
        buyer_platform_id as identifier,
        ordered_at as observed_at
    from {{ ref('stg_channels__order_lines') }}
    where buyer_platform_id is not null
    union all
    select
        'refunds:' || refund_key as record_id,
        'refunds' as source,
        buyer_platform as identifier_type,
        buyer_platform_id as identifier,
        refunded_at as observed_at
    from {{ ref('stg_channels__refund_lines') }}
    where buyer_platform_id is not null
),

one_row_per_value as (
    {% for identifier_type in ['unionid', 'external_userid', 'phone', 'member_no', 'record'] -%}
    select
        record_id,
        source,
        '{{ identifier_type }}' as identifier_type,
        {{ identifier_type }} as identifier,
        observed_at
    from records
    where {{ identifier_type }} is not null
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
    union all
    select * from platform_buyers
),

identity_observations as (
    select
        record_id,
        source,
        identifier_type,
        identifier,
        min(observed_at) as observed_at
    from one_row_per_value
    group by record_id, source, identifier_type, identifier
)

select * from identity_observations
