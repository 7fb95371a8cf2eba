-- What was known of a refund at as_of, as for trades; its line from the newest detail, when details are read.
with detail_rows as (
    select * from {{ source('lake', 'youzan_refund_details') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

trade_lines as (
    select * from {{ ref('stg_youzan__trade_lines') }}
),

newest as (
    {{ newest_before_as_of(source('lake', 'youzan_refunds'), key=['shop_id', 'refund_id']) }}
),

-- The line and the demand of a refund do not change: any detail that has them will do, the newest first.
newest_details as (
    select
        detail_rows.shop_id,
        detail_rows.refund_id,
        detail_rows.oid,
        detail_rows.refund_type,
        detail_rows.demand,
        detail_rows.refunded_at
    from detail_rows
    inner join batches on detail_rows._batch = batches.batch
    qualify row_number() over (
        partition by detail_rows.shop_id, detail_rows.refund_id
        order by
            case when detail_rows.oid is not null then 0 else 1 end,
            detail_rows.modified_at desc,
            batches.seq desc,
            detail_rows._row desc
    ) = 1
),

dated as (
    select
        newest.*,
        newest_details.oid,
        newest_details.refund_type,
        newest_details.demand,
        coalesce(newest_details.refunded_at, newest.modified_at) as refunded_at,
        -- goods for goods: no money goes back
        coalesce(
            newest_details.demand = '3'
            or newest_details.refund_type = 'EXCHANGE_GOODS'
            or newest.refund_kind in ('4', '5'),
            false
        ) as is_exchange
    from newest
    left join newest_details
        on newest.shop_id = newest_details.shop_id
        and newest.refund_id = newest_details.refund_id
),

refunds as (
    select
        {{ order_key('dated.shop_id', 'dated.refund_id') }} as refund_key,
        dated.refund_id,
        {{ order_key('dated.shop_id', 'dated.tid') }} as order_key,
        dated.tid as order_id,
        trade_lines.order_line_id,
        dated.oid as order_line_no,
        dated.shop_id as store_id,
        trade_lines.product_id,
        dated.status,
        dated.refund_type,
        dated.demand,
        dated.reason,
        'CNY' as currency,
        dated.refund_fee as refund_amount,
        dated.return_goods,
        dated.is_exchange,
        dated.status = 'SUCCESS' and not dated.is_exchange and dated.refunded_at < dated.as_of as is_refunded,
        dated.created_at as requested_at,
        case when dated.status = 'SUCCESS' and dated.refunded_at < dated.as_of then dated.refunded_at end as refunded_at,
        dated.modified_at
    from dated
    left join trade_lines
        on {{ order_key('dated.shop_id', 'dated.tid') }} = trade_lines.order_key
        and dated.oid = trade_lines.line_no
)

select * from refunds
