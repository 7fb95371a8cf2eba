-- A refund is replaced as a whole: the newest batch that holds its number (of its shop) gives all its lines.
with refund_rows as (
    select * from {{ source('lake', 'refunds') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

deliveries as (
    select
        refund_rows.*,
        {{ order_key("coalesce(refund_rows.store_id, '')", 'refund_rows.refund_id') }} as refund_key,
        batches.seq
    from refund_rows
    inner join batches on refund_rows._batch = batches.batch
),

newest_deliveries as (
    select
        refund_key,
        max(seq) as seq
    from deliveries
    group by refund_key
),

accepted_before_as_of as (
    select
        deliveries.refund_key,
        deliveries.refund_id,
        deliveries.line_no,
        deliveries.order_id,
        deliveries.order_line_no,
        deliveries.store_id,
        deliveries.buyer_unionid,
        deliveries.buyer_external_userid,
        deliveries.buyer_phone,
        deliveries.buyer_member_no,
        deliveries.product_id,
        deliveries.reason,
        deliveries.currency,
        deliveries.quantity,
        deliveries.unit_price,
        deliveries.refund_amount as stated_amount,
        deliveries.refunded_at
    from deliveries
    inner join newest_deliveries
        on deliveries.refund_key = newest_deliveries.refund_key
        and deliveries.seq = newest_deliveries.seq
    cross join this_run
    where deliveries.refunded_at < this_run.as_of
        and {{ is_refunded_status('deliveries.status') }}
),

hashed as (
    select
        *,
        {{ content_hash(['order_id', 'order_line_no', 'product_id', 'quantity', 'unit_price', 'stated_amount', 'currency']) }}
            as content_hash
    from accepted_before_as_of
),

numbered as (
    select
        *,
        row_number() over (
            partition by refund_key, coalesce('n' || line_no, 'h' || content_hash)
            order by
                content_hash,
                reason nulls last,
                refunded_at nulls last,
                buyer_unionid nulls last,
                buyer_external_userid nulls last,
                buyer_phone nulls last,
                buyer_member_no nulls last
        ) as occurrence
    from hashed
),

refund_lines as (
    select
        {{ line_key('refund_key', 'content_hash') }} as refund_line_id,
        refund_key,
        refund_id,
        line_no,
        order_id,
        order_line_no,
        store_id,
        buyer_unionid,
        buyer_external_userid,
        buyer_phone,
        buyer_member_no,
        product_id,
        reason,
        currency,
        quantity,
        unit_price,
        coalesce(stated_amount, {{ line_value('quantity', 'unit_price', 'currency') }}) as refund_amount,
        refunded_at
    from numbered
)

select * from refund_lines
