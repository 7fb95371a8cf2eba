{{ config(materialized='incremental_by_key', by=['shop_id', 'tid']) }}
{{ touched([
    landed_since(source('lake', 'taobao_trade_lines'), ['shop_id', 'tid']),
    changed(ref('stg_taobao__trades'), ['shop_id', 'tid']),
]) }}
-- Lines of a trade's newest observation: they travel with it, so its time of change finds them.
with line_rows as (
    select * from {{ source('lake', 'taobao_trade_lines') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

trades as (
    select * from {{ ref('stg_taobao__trades') }}
),

newest as (
    select
        line_rows.*,
        trades.order_key
    from line_rows
    inner join batches on line_rows._batch = batches.batch
    inner join trades
        on line_rows.shop_id = trades.shop_id
        and line_rows.tid = trades.tid
        and line_rows.modified_at = trades.modified_at
    {{ only_touched(['line_rows.shop_id', 'line_rows.tid']) }}
    qualify row_number() over (
        partition by line_rows.shop_id, line_rows.tid, line_rows.oid
        order by batches.seq desc, line_rows._row desc
    ) = 1
),

trade_lines as (
    select
        order_key,
        shop_id,
        tid,
        oid,
        coalesce(outer_sku_id, outer_iid, sku_id, num_iid) as product_id,
        title as product_name,
        status,
        num as quantity,
        price as unit_price,
        coalesce(divide_order_fee, payment) as paid_amount,
        modified_at
    from newest
)

select * from trade_lines
