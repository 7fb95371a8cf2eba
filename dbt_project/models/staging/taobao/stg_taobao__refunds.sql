-- A refund as it was known at as_of: its newest observation before, or, of one that was first read later, the first.
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_before_as_of(source('lake', 'taobao_refunds'), key=['shop_id', 'refund_id']) }}
),

refunds as (
    select
        shop_id,
        app_key,
        refund_id,
        tid,
        oid,
        buyer_open_uid,
        status,
        reason,
        has_good_return,
        refund_fee,
        -- money that goes back after as_of has not gone back yet
        status = 'SUCCESS' and not is_later as is_refunded,
        created_at,
        modified_at
    from newest
)

select * from refunds
