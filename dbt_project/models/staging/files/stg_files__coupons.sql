{{ config(materialized='incremental_by_key', by=['coupon_code']) }}
{{ touched([
    landed_since(source('lake', 'coupons'), ['coupon_code'], times=['issued_at', 'used_at']),
]) }}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'coupons'), key=['coupon_code'], said=[
        'template_id', 'unionid', 'external_userid', 'phone', 'member_no', 'order_id', 'store_id',
        'coupon_name', 'channel', 'status', 'funded_by', 'currency', 'face_amount', 'threshold_amount',
        'discount_amount', 'issued_at', 'valid_from', 'valid_until', 'used_at',
    ]) }}
),

coupons as (
    select
        newest.coupon_code,
        newest.template_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        case when coalesce(newest.used_at < this_run.as_of, true) then newest.order_id end as order_id,
        case when coalesce(newest.used_at < this_run.as_of, true) then newest.store_id end as store_id,
        newest.coupon_name,
        newest.channel,
        case when newest.used_at >= this_run.as_of then 'issued' else newest.status end as status,
        newest.funded_by,
        newest.currency,
        newest.face_amount,
        newest.threshold_amount,
        case when coalesce(newest.used_at < this_run.as_of, true) then newest.discount_amount end as discount_amount,
        newest.issued_at,
        newest.valid_from,
        newest.valid_until,
        case when newest.used_at < this_run.as_of then newest.used_at end as used_at
    from newest
    cross join this_run
    where newest.issued_at < this_run.as_of
)

select * from coupons
