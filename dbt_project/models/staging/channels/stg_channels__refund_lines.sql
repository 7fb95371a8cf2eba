-- Refund lines of every channel in one shape. Refunds of an order that a platform's own connector brought are taken from
-- there alone.
with file_refunds as (
    select * from {{ ref('stg_files__refund_lines') }}
),

taobao_refunds as (
    select * from {{ ref('stg_taobao__refunds') }}
),

youzan_trades as (
    select * from {{ ref('stg_youzan__trades') }}
),

youzan_refunds as (
    select * from {{ ref('stg_youzan__refunds') }}
),

platform_orders as (
    select distinct
        order_id,
        store_id
    from {{ ref('stg_channels__order_lines') }}
    where buyer_platform is not null
),

from_taobao as (
    select
        {{ order_key('shop_id', 'refund_id') }} || ':1' as refund_line_id,
        {{ order_key('shop_id', 'refund_id') }} as refund_key,
        refund_id,
        '1' as line_no,
        tid as order_id,
        oid as order_line_no,
        shop_id as store_id,
        cast(null as string) as buyer_unionid,
        cast(null as string) as buyer_external_userid,
        cast(null as string) as buyer_phone,
        cast(null as string) as buyer_member_no,
        'taobao_open_uid' as buyer_platform,
        app_key || ':' || buyer_open_uid as buyer_platform_id,
        cast(null as string) as product_id,
        reason,
        'CNY' as currency,
        cast(null as decimal(18, 3)) as quantity,
        cast(null as decimal(18, 6)) as unit_price,
        refund_fee as refund_amount,
        modified_at as refunded_at
    from taobao_refunds
    where is_refunded
),

from_youzan as (
    select
        refunds.refund_key || ':1' as refund_line_id,
        refunds.refund_key,
        refunds.refund_id,
        '1' as line_no,
        refunds.order_id,
        refunds.order_line_no,
        refunds.store_id,
        cast(null as string) as buyer_unionid,
        cast(null as string) as buyer_external_userid,
        cast(null as string) as buyer_phone,
        cast(null as string) as buyer_member_no,
        'yz_open_id' as buyer_platform,
        trades.yz_open_id as buyer_platform_id,
        refunds.product_id,
        refunds.reason,
        refunds.currency,
        cast(null as decimal(18, 3)) as quantity,
        cast(null as decimal(18, 6)) as unit_price,
        refunds.refund_amount,
        refunds.refunded_at
    from youzan_refunds as refunds
    left join youzan_trades as trades on refunds.order_key = trades.order_key
    where refunds.is_refunded
),

from_files as (
    select
        file_refunds.refund_line_id,
        file_refunds.refund_key,
        file_refunds.refund_id,
        file_refunds.line_no,
        file_refunds.order_id,
        file_refunds.order_line_no,
        file_refunds.store_id,
        file_refunds.buyer_unionid,
        file_refunds.buyer_external_userid,
        file_refunds.buyer_phone,
        file_refunds.buyer_member_no,
        cast(null as string) as buyer_platform,
        cast(null as string) as buyer_platform_id,
        file_refunds.product_id,
        file_refunds.reason,
        file_refunds.currency,
        file_refunds.quantity,
        file_refunds.unit_price,
        file_refunds.refund_amount,
        file_refunds.refunded_at
    from file_refunds
    left join platform_orders
        on file_refunds.order_id = platform_orders.order_id
        and file_refunds.store_id = platform_orders.store_id
    where platform_orders.order_id is null
),

refund_lines as (
    select * from from_files
    union all
    select * from from_taobao
    union all
    select * from from_youzan
)

select * from refund_lines
