{{ config(materialized='incremental_by_key', by=['persona_id']) }}
{{ touched([
    changed(ref('identity_records'), ['persona_id']),
]) }}
-- What records say of a person, each combination once: ten orders under one phone are one persona.
with identity_records as (
    select * from {{ ref('identity_records') }}
),

personas as (
    select
        persona_id,
        min_by(source, coalesce(cast(observed_at as string), '') || source) as source,
        min(unionid) as unionid,
        min(external_userid) as external_userid,
        min(phone) as phone,
        min(member_no) as member_no,
        min(openid) as openid,
        min(visitor_id) as visitor_id,
        min(buyer_platform) as buyer_platform,
        min(buyer_platform_id) as buyer_platform_id,
        min(record) as record,
        min(name) as name,
        min(gender) as gender,
        min(city) as city,
        min(receiver_name) as receiver_name,
        min(receiver_phone) as receiver_phone,
        min(receiver_province) as receiver_province,
        min(receiver_city) as receiver_city,
        min(receiver_district) as receiver_district,
        count(*) as records_count,
        min(birth_date) as birth_date,
        min(observed_at) as first_seen_at,
        max(observed_at) as last_seen_at
    from identity_records
    {{ only_touched(['identity_records.persona_id']) }}
    group by persona_id
)

select * from personas
