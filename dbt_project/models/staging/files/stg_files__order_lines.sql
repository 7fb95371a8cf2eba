{{ config(materialized='incremental_by_key', by=['store_id', 'order_id']) }}
{{ touched([
    landed_since(source('lake', 'orders'), ['store_id', 'order_id'], times=['ordered_at', 'paid_at']),
]) }}
-- An order is replaced as a whole: the newest batch that holds it gives all its lines.
--
-- Most orders come once, and most lines say something of their own. What has to be told apart is found by narrow scans first; only
-- that is joined and ranked. The source is named where it is read, and the lines are written out twice by a block: a CTE that is
-- read twice would be kept in memory, with all its columns.
{% set same_line = ['store_id', 'order_id', 'coalesce(line_no, product_id)'] %}
{% set said = ['product_id', 'product_name', 'quantity', 'unit_price', 'discount', 'stated_amount', 'currency', 'salesperson_id'] %}
{% set lines_before_as_of %}
    select
        deliveries.order_id,
        deliveries.line_no,
        deliveries.store_id,
        {{ order_key('deliveries.store_id', 'deliveries.order_id') }} as order_key,
        deliveries.buyer_unionid,
        deliveries.buyer_external_userid,
        deliveries.buyer_phone,
        deliveries.buyer_member_no,
        deliveries.receiver_name,
        deliveries.receiver_phone,
        deliveries.receiver_province,
        deliveries.receiver_city,
        deliveries.receiver_district,
        deliveries.product_id,
        deliveries.product_name,
        deliveries.salesperson_id,
        coalesce(deliveries.status, 'paid') as status,
        deliveries.currency,
        deliveries.quantity,
        deliveries.unit_price,
        coalesce(deliveries.discount, 0) as discount,
        deliveries.paid_amount as stated_amount,
        deliveries.order_points_amount,
        deliveries.ordered_at,
        -- a payment after the run's as_of has not happened yet
        case when deliveries.paid_at < this_run.as_of then deliveries.paid_at end as paid_at,
        {{ is_sale_status('deliveries.status') }}
        and coalesce(deliveries.paid_at, deliveries.ordered_at) < this_run.as_of as is_sale
    from {{ source('lake', 'orders') }} as deliveries
    inner join batches on deliveries._batch = batches.batch
    left join delivered_again
        on deliveries.store_id = delivered_again.store_id
        and deliveries.order_id = delivered_again.order_id
    cross join this_run
    {{ only_touched(['deliveries.store_id', 'deliveries.order_id']) }}
    where deliveries.ordered_at < this_run.as_of
        and (delivered_again.seq is null or batches.seq = delivered_again.seq)
{% endset %}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

delivered_again as (
    select
        order_rows.store_id,
        order_rows.order_id,
        max(batches.seq) as seq
    from {{ source('lake', 'orders') }} as order_rows
    inner join batches on order_rows._batch = batches.batch
    {{ only_touched(['order_rows.store_id', 'order_rows.order_id']) }}
    group by order_rows.store_id, order_rows.order_id
    having min(batches.seq) < max(batches.seq)
),

said_again as (
    select {{ key_hash(same_line) }} as key_hash
    from {{ source('lake', 'orders') }} as order_rows
    {{ only_touched(['order_rows.store_id', 'order_rows.order_id']) }}
    group by {{ key_hash(same_line) }}
    having count(*) > 1
),

-- What was bought makes the identity of a line; its state and the buyer may change without making it another line. Lines that
-- say the same are numbered; rows that agree in everything are interchangeable.
numbered as (
    select
        lines.*,
        case when lines.line_no is null then {{ content_hash(said) }} end as content_hash,
        1 as occurrence
    from (
        {{ lines_before_as_of | trim | indent(4) }}
    ) as lines
    left join said_again on {{ key_hash(same_line) }} = said_again.key_hash
    where said_again.key_hash is null
    union all
    select
        hashed.*,
        row_number() over (
            partition by order_key, coalesce('n' || line_no, 'h' || content_hash)
            order by
                content_hash,
                status nulls last,
                ordered_at nulls last,
                paid_at nulls last,
                buyer_unionid nulls last,
                buyer_external_userid nulls last,
                buyer_phone nulls last,
                buyer_member_no nulls last
        ) as occurrence
    from (
        select
            lines.*,
            {{ content_hash(said) }} as content_hash
        from (
            {{ lines_before_as_of | trim | indent(8) }}
        ) as lines
        inner join said_again on {{ key_hash(same_line) }} = said_again.key_hash
    ) as hashed
),

order_lines as (
    select
        {{ line_key('order_key', 'content_hash') }} as order_line_id,
        order_key,
        order_id,
        line_no,
        store_id,
        buyer_unionid,
        buyer_external_userid,
        buyer_phone,
        buyer_member_no,
        receiver_name,
        receiver_phone,
        receiver_province,
        receiver_city,
        receiver_district,
        product_id,
        product_name,
        salesperson_id,
        status,
        currency,
        quantity,
        unit_price,
        discount,
        coalesce(stated_amount, {{ line_value('quantity', 'unit_price', 'currency') }} - discount) as paid_amount,
        order_points_amount,
        is_sale,
        ordered_at,
        paid_at,
        case when is_sale then coalesce(paid_at, ordered_at) end as sold_at
    from numbered
)

select * from order_lines
