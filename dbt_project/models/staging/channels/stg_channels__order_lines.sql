{{ config(materialized='incremental_by_key', by=['order_key']) }}
{{ touched([
    changed(ref('stg_files__order_lines'), ['order_key']),
    changed(ref('stg_taobao__trades'), ['order_key']),
    changed(ref('stg_taobao__trade_lines'), ['order_key']),
    changed(ref('stg_youzan__trades'), ['order_key']),
    changed(ref('stg_youzan__trade_lines'), ['order_key']),
]) }}
-- Order lines of every channel in one shape. An order that a platform's own connector brought is not taken from a file
-- too: the platform knows its last state.
with file_lines as (
    select file_rows.* from {{ ref('stg_files__order_lines') }} as file_rows
    {{ only_touched(['file_rows.order_key']) }}
),

taobao_trades as (
    select trade_rows.* from {{ ref('stg_taobao__trades') }} as trade_rows
    {{ only_touched(['trade_rows.order_key']) }}
),

taobao_trade_lines as (
    select line_rows.* from {{ ref('stg_taobao__trade_lines') }} as line_rows
    {{ only_touched(['line_rows.order_key']) }}
),

youzan_trades as (
    select trade_rows.* from {{ ref('stg_youzan__trades') }} as trade_rows
    {{ only_touched(['trade_rows.order_key']) }}
),

youzan_trade_lines as (
    select line_rows.* from {{ ref('stg_youzan__trade_lines') }} as line_rows
    {{ only_touched(['line_rows.order_key']) }}
),

from_taobao as (
    select
        lines.order_key || ':' || {{ key_part('lines.oid') }} as order_line_id,
        lines.order_key,
        lines.tid as order_id,
        lines.oid as line_no,
        lines.shop_id as store_id,
        cast(null as string) as buyer_unionid,
        cast(null as string) as buyer_external_userid,
        cast(null as string) as buyer_phone,
        cast(null as string) as buyer_member_no,
        'taobao_open_uid' as buyer_platform,
        trades.app_key || ':' || trades.buyer_open_uid as buyer_platform_id,
        trades.receiver_name,
        trades.receiver_mobile as receiver_phone,
        trades.receiver_state as receiver_province,
        trades.receiver_city,
        trades.receiver_district,
        lines.product_id,
        lines.product_name,
        trades.o2o_guide_id as salesperson_id,
        {{ taobao_status('trades.status') }} as status,
        'CNY' as currency,
        lines.quantity,
        lines.unit_price,
        {{ line_value('lines.quantity', 'lines.unit_price', "'CNY'") }} - lines.paid_amount as discount,
        lines.paid_amount,
        cast(null as bigint) as order_points_amount,
        trades.paid_at is not null as is_sale,
        trades.created_at as ordered_at,
        trades.paid_at,
        trades.paid_at as sold_at
    from taobao_trade_lines as lines
    inner join taobao_trades as trades on lines.order_key = trades.order_key
),

from_youzan as (
    select
        lines.order_line_id,
        lines.order_key,
        lines.order_id,
        lines.line_no,
        lines.store_id,
        cast(null as string) as buyer_unionid,
        cast(null as string) as buyer_external_userid,
        cast(null as string) as buyer_phone,
        cast(null as string) as buyer_member_no,
        'yz_open_id' as buyer_platform,
        trades.yz_open_id as buyer_platform_id,
        -- names and phones come as ciphers of the shop
        cast(null as string) as receiver_name,
        cast(null as string) as receiver_phone,
        trades.delivery_province as receiver_province,
        trades.delivery_city as receiver_city,
        trades.delivery_district as receiver_district,
        lines.product_id,
        lines.product_name,
        cast(null as string) as salesperson_id,
        {{ youzan_status('lines.status') }} as status,
        lines.currency,
        lines.quantity,
        lines.unit_price,
        lines.discount,
        lines.paid_amount,
        cast(null as bigint) as order_points_amount,
        lines.is_sale,
        lines.ordered_at,
        lines.paid_at,
        lines.sold_at
    from youzan_trade_lines as lines
    inner join youzan_trades as trades on lines.order_key = trades.order_key
),

from_platforms as (
    select * from from_taobao
    union all
    select * from from_youzan
),

orders_of_platforms as (
    select distinct order_key from from_platforms
),

from_files as (
    select
        file_lines.order_line_id,
        file_lines.order_key,
        file_lines.order_id,
        file_lines.line_no,
        file_lines.store_id,
        file_lines.buyer_unionid,
        file_lines.buyer_external_userid,
        file_lines.buyer_phone,
        file_lines.buyer_member_no,
        cast(null as string) as buyer_platform,
        cast(null as string) as buyer_platform_id,
        file_lines.receiver_name,
        file_lines.receiver_phone,
        file_lines.receiver_province,
        file_lines.receiver_city,
        file_lines.receiver_district,
        file_lines.product_id,
        file_lines.product_name,
        file_lines.salesperson_id,
        file_lines.status,
        file_lines.currency,
        file_lines.quantity,
        file_lines.unit_price,
        file_lines.discount,
        file_lines.paid_amount,
        file_lines.order_points_amount,
        file_lines.is_sale,
        file_lines.ordered_at,
        file_lines.paid_at,
        file_lines.sold_at
    from file_lines
    left join orders_of_platforms on file_lines.order_key = orders_of_platforms.order_key
    where orders_of_platforms.order_key is null
),

order_lines as (
    select * from from_files
    union all
    select * from from_platforms
)

select * from order_lines
