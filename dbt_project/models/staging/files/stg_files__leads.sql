with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'leads'), key=['lead_id'], changed_at='updated_at', said=[
        'unionid', 'external_userid', 'phone', 'member_no', 'product_id', 'store_id', 'staff_id', 'name',
        'city', 'delivered.source', 'campaign', 'interest', 'stage', 'lost_reason', 'next_step', 'currency',
        'amount', 'created_at', 'assigned_at', 'closed_at', 'updated_at',
    ]) }}
),

leads as (
    select
        newest.lead_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        newest.product_id,
        newest.store_id,
        newest.staff_id,
        newest.name,
        newest.city,
        newest.source,
        newest.campaign,
        newest.interest,
        newest.stage,
        newest.lost_reason,
        newest.next_step,
        newest.currency,
        newest.amount,
        newest.created_at,
        newest.updated_at,
        case when newest.assigned_at < this_run.as_of then newest.assigned_at end as assigned_at,
        case when newest.closed_at < this_run.as_of then newest.closed_at end as closed_at,
        newest._batch,
        newest._row
    from newest
    cross join this_run
    where newest.created_at < this_run.as_of
)

select * from leads
