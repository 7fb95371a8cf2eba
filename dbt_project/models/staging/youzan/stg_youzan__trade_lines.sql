-- The lines that came with the chosen observation of each trade.
with line_rows as (
    select * from {{ source('lake', 'youzan_trade_lines') }}
),

trades as (
    select * from {{ ref('stg_youzan__trades') }}
),

chosen as (
    select
        trades.order_key,
        trades.order_id,
        trades.store_id,
        trades.status,
        trades.currency,
        trades.is_sale,
        trades.ordered_at,
        trades.paid_at,
        trades.sold_at,
        line_rows.oid,
        line_rows.outer_sku_id,
        line_rows.outer_item_id,
        line_rows.item_id,
        line_rows.title,
        line_rows.num,
        line_rows.price,
        line_rows.payment,
        line_rows.is_present
    from line_rows
    inner join trades
        on line_rows._batch = trades.batch
        and line_rows.shop_id = trades.store_id
        and line_rows.tid = trades.order_id
        and line_rows.modified_at = trades.modified_at
    -- a seller's memo changes a trade without changing its time: one batch may hold it twice
    qualify row_number() over (partition by trades.order_key, line_rows.oid order by line_rows._row desc) = 1
),

trade_lines as (
    select
        order_key || ':' || {{ key_part('oid') }} as order_line_id,
        order_key,
        order_id,
        oid as line_no,
        store_id,
        coalesce(outer_sku_id, outer_item_id, item_id) as product_id,
        title as product_name,
        status,
        currency,
        num as quantity,
        price as unit_price,
        -- all discounts less the line's share of the postage: negative when that is more
        {{ line_value('num', 'price', 'currency') }} - payment as discount,
        payment as paid_amount,
        coalesce(is_present, false) as is_present,
        is_sale,
        ordered_at,
        paid_at,
        sold_at
    from chosen
)

select * from trade_lines
