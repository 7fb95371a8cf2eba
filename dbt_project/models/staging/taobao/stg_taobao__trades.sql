{{ config(materialized='incremental_by_key', by=['shop_id', 'tid']) }}
{{ touched([
    landed_since(
        source('lake', 'taobao_trades'), ['shop_id', 'tid'], times=['created_at', 'modified_at', 'paid_at', 'consigned_at', 'ended_at']
    ),
]) }}
-- A trade as it was known at as_of: its newest observation before, or, of a trade that was first read later, the first.
-- What happened after as_of has not happened yet.
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_before_as_of(source('lake', 'taobao_trades'), key=['shop_id', 'tid']) }}
),

trades as (
    select
        {{ order_key('shop_id', 'tid') }} as order_key,
        shop_id,
        app_key,
        tid,
        buyer_open_uid,
        buyer_nick,
        status,
        receiver_name,
        receiver_mobile,
        receiver_state,
        receiver_city,
        receiver_district,
        o2o_shop_id,
        o2o_guide_id,
        payment,
        post_fee,
        created_at,
        case when paid_at < as_of then paid_at end as paid_at,
        case when consigned_at < as_of then consigned_at end as consigned_at,
        case when ended_at < as_of then ended_at end as ended_at,
        modified_at
    from newest
)

select * from trades
