-- What was known of a trade at as_of: its newest observation before. A trade that the shop was first read of later has
-- its earliest observation, and what happened in it at or after as_of has not happened yet.
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_before_as_of(source('lake', 'youzan_trades'), key=['shop_id', 'tid']) }}
),

dated as (
    select
        *,
        case when paid_at < as_of then paid_at end as paid_before,
        -- Paid is a sale, also when it was closed later because all of it went back. Cash on delivery has no payment.
        coalesce(
            status <> 'WAIT_BUYER_PAY'
            and case
                when paid_at is not null then paid_at < as_of
                else not is_later and status <> 'TRADE_CLOSED'
            end,
            false
        ) as is_sale
    from newest
),

trades as (
    select
        {{ order_key('shop_id', 'tid') }} as order_key,
        shop_id as store_id,
        tid as order_id,
        client_id,
        nullif(node_kdt_id, '0') as node_kdt_id,
        nullif(offline_id, '0') as offline_id,
        yz_open_id,
        outer_user_id,
        buyer_phone_digest,
        _batch as batch,
        status,
        trade_type,
        refund_state,
        delivery_province,
        delivery_city,
        delivery_district,
        outer_transactions,
        'CNY' as currency,
        total_fee as goods_amount,
        post_fee as post_amount,
        payment as paid_amount,
        is_sale,
        created_at as ordered_at,
        paid_before as paid_at,
        case when is_sale then coalesce(paid_before, created_at) end as sold_at,
        case when consigned_at < as_of then consigned_at end as consigned_at,
        case when succeeded_at < as_of then succeeded_at end as succeeded_at,
        modified_at
    from dated
)

select * from trades
