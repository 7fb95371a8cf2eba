-- A visit is replaced as a whole: the newest batch that holds it gives all its service items.
with visit_rows as (
    select * from {{ source('lake', 'visits') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

deliveries as (
    select
        visit_rows.*,
        batches.seq,
        {{ content_hash(['service_item_id', 'service_item', 'quantity', 'list_amount', 'paid_amount', 'currency', 'coupon_code']) }}
            as item_hash,
        {{ content_hash([
            'unionid', 'external_userid', 'phone', 'member_no', 'service_item_id', 'technician_id',
            'salesperson_id', 'order_id', 'coupon_code', 'card_id', 'name', 'service_item', 'channel', 'status',
            'currency', 'quantity', 'list_amount', 'paid_amount', 'booked_at', 'visited_at', 'ended_at',
        ]) }} as content_hash
    from visit_rows
    inner join batches on visit_rows._batch = batches.batch
),

newest_deliveries as (
    select * from deliveries
    qualify seq = max(seq) over (partition by store_id, visit_id)
),

-- Without line numbers what was done makes the identity of an item, not its state; items that say the same are numbered.
newest as (
    select
        *,
        row_number() over (
            partition by store_id, visit_id, coalesce('n' || line_no, 'h' || item_hash) order by content_hash
        ) as occurrence
    from newest_deliveries
),

visits as (
    select
        {{ line_key(order_key('newest.store_id', 'newest.visit_id'), 'item_hash') }} as visit_item_id,
        {{ order_key('newest.store_id', 'newest.visit_id') }} as visit_key,
        newest.visit_id,
        newest.line_no,
        newest.store_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        newest.service_item_id,
        newest.technician_id,
        newest.salesperson_id,
        newest.order_id,
        newest.coupon_code,
        newest.card_id,
        newest.name,
        newest.service_item,
        newest.channel,
        newest.status,
        newest.currency,
        coalesce(newest.quantity, 1) as quantity,
        newest.list_amount,
        newest.paid_amount,
        newest.booked_at,
        newest.visited_at,
        case when newest.ended_at < this_run.as_of then newest.ended_at end as ended_at
    from newest
    cross join this_run
    where newest.visited_at < this_run.as_of
)

select * from visits
