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
