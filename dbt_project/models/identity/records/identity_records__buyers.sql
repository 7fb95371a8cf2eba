-- Who bought, of orders and refunds: one row per order and combination of what its lines and its platform say of the buyer.
{{ config(materialized='ephemeral') }}
with order_lines as (
    select * from {{ ref('stg_channels__order_lines') }}
),

file_order_lines as (
    select * from {{ ref('stg_files__order_lines') }}
),

refund_lines as (
    select * from {{ ref('stg_channels__refund_lines') }}
),

file_refund_lines as (
    select * from {{ ref('stg_files__refund_lines') }}
),

payment_lines as (
    select * from {{ ref('stg_bills__payment_lines') }}
),

youzan_trades as (
    select * from {{ ref('stg_youzan__trades') }}
),

-- A platform's order is told apart from a file's; an order that both bring has one buyer.
platform_buyers as (
    select
        'orders:' || order_key as record_id,
        min(buyer_platform) as buyer_platform,
        min(buyer_platform_id) as buyer_platform_id,
        min(receiver_name) as receiver_name,
        min(receiver_phone) as receiver_phone,
        min(receiver_province) as receiver_province,
        min(receiver_city) as receiver_city,
        min(receiver_district) as receiver_district,
        min(store_id) as store_id,
        min(ordered_at) as observed_at
    from order_lines
    {{ only_touched(["'orders:' || order_lines.order_key"]) }}
    where buyer_platform_id is not null
    group by order_key
    union all
    select
        'refunds:' || refund_key as record_id,
        min(buyer_platform) as buyer_platform,
        min(buyer_platform_id) as buyer_platform_id,
        cast(null as string) as receiver_name,
        cast(null as string) as receiver_phone,
        cast(null as string) as receiver_province,
        cast(null as string) as receiver_city,
        cast(null as string) as receiver_district,
        min(store_id) as store_id,
        min(refunded_at) as observed_at
    from refund_lines
    {{ only_touched(["'refunds:' || refund_lines.refund_key"]) }}
    where buyer_platform_id is not null
    group by refund_key
),

file_buyers as (
    select
        'orders:' || order_key as record_id,
        buyer_unionid as unionid,
        buyer_external_userid as external_userid,
        buyer_phone as phone,
        buyer_member_no as member_no,
        min(receiver_name) as receiver_name,
        min(receiver_phone) as receiver_phone,
        min(receiver_province) as receiver_province,
        min(receiver_city) as receiver_city,
        min(receiver_district) as receiver_district,
        min(store_id) as store_id,
        min(ordered_at) as observed_at
    from file_order_lines
    {{ only_touched(["'orders:' || file_order_lines.order_key"]) }}
    group by order_key, buyer_unionid, buyer_external_userid, buyer_phone, buyer_member_no
    union all
    select
        'refunds:' || refund_key as record_id,
        buyer_unionid as unionid,
        buyer_external_userid as external_userid,
        buyer_phone as phone,
        buyer_member_no as member_no,
        cast(null as string) as receiver_name,
        cast(null as string) as receiver_phone,
        cast(null as string) as receiver_province,
        cast(null as string) as receiver_city,
        cast(null as string) as receiver_district,
        min(store_id) as store_id,
        min(refunded_at) as observed_at
    from file_refund_lines
    {{ only_touched(["'refunds:' || file_refund_lines.refund_key"]) }}
    group by refund_key, buyer_unionid, buyer_external_userid, buyer_phone, buyer_member_no
),

-- An order's number as the company gave it to the channel; two shops may use one number, and then it says nothing.
orders_by_number as (
    select
        order_id,
        min(order_key) as order_key
    from order_lines
    {{ only_going_on('where order_id in (' ~ moved_order_numbers() ~ ')') }}
    group by order_id
    having count(distinct order_key) = 1
),

payments as (
    select
        order_id,
        transaction_id,
        app_id || ':' || payer_id as openid
    from payment_lines
    where channel = 'wechat_pay' and kind = 'payment' and app_id is not null and payer_id is not null
),

payers_of_orders as (
    select
        orders_by_number.order_key,
        payments.openid
    from payments
    inner join orders_by_number on payments.order_id = orders_by_number.order_id
    union all
    select
        youzan_trades.order_key,
        payments.openid
    from payments
    inner join youzan_trades on payments.transaction_id = youzan_trades.outer_transactions
),

payers as (
    select
        'orders:' || order_key as record_id,
        min(openid) as openid
    from payers_of_orders
    group by order_key
    having count(distinct openid) = 1
),

buyers_of_both as (
    select
        coalesce(file_buyers.record_id, platform_buyers.record_id) as record_id,
        file_buyers.unionid,
        file_buyers.external_userid,
        file_buyers.phone,
        file_buyers.member_no,
        platform_buyers.buyer_platform,
        platform_buyers.buyer_platform_id,
        coalesce(platform_buyers.receiver_name, file_buyers.receiver_name) as receiver_name,
        coalesce(platform_buyers.receiver_phone, file_buyers.receiver_phone) as receiver_phone,
        coalesce(platform_buyers.receiver_province, file_buyers.receiver_province) as receiver_province,
        coalesce(platform_buyers.receiver_city, file_buyers.receiver_city) as receiver_city,
        coalesce(platform_buyers.receiver_district, file_buyers.receiver_district) as receiver_district,
        coalesce(file_buyers.store_id, platform_buyers.store_id) as store_id,
        case
            when file_buyers.observed_at < platform_buyers.observed_at then file_buyers.observed_at
            else coalesce(platform_buyers.observed_at, file_buyers.observed_at)
        end as observed_at
    from file_buyers
    full outer join platform_buyers on file_buyers.record_id = platform_buyers.record_id
),

-- Who pays is the buyer where nothing better is known of him: a member's purchase may be paid by somebody else.
buyers as (
    select
        buyers_of_both.*,
        case
            when coalesce(buyers_of_both.unionid, buyers_of_both.external_userid, buyers_of_both.member_no) is null
                then payers.openid
        end as openid
    from buyers_of_both
    left join payers on buyers_of_both.record_id = payers.record_id
)

select * from buyers
