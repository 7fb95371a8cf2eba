{{ config(materialized='incremental_by_key', by=['ticket_id']) }}
{{ touched([
    landed_since(source('lake', 'tickets'), ['ticket_id'], times=['opened_at', 'first_answered_at', 'resolved_at', 'closed_at']),
]) }}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'tickets'), key=['ticket_id'], changed_at='updated_at', said=[
        'unionid', 'external_userid', 'phone', 'member_no', 'store_id', 'assignee_id', 'order_id',
        'product_id', 'name', 'subject', 'category', 'channel', 'priority', 'status', 'satisfaction',
        'reopened_count', 'opened_at', 'first_answered_at', 'resolved_at', 'closed_at', 'updated_at',
    ]) }}
),

tickets as (
    select
        newest.ticket_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        newest.store_id,
        newest.assignee_id,
        newest.order_id,
        newest.product_id,
        newest.name,
        newest.subject,
        newest.category,
        newest.channel,
        newest.priority,
        newest.status,
        newest.satisfaction,
        newest.reopened_count,
        newest.opened_at,
        newest.updated_at,
        case when newest.first_answered_at < this_run.as_of then newest.first_answered_at end as first_answered_at,
        case when newest.resolved_at < this_run.as_of then newest.resolved_at end as resolved_at,
        case when newest.closed_at < this_run.as_of then newest.closed_at end as closed_at
    from newest
    cross join this_run
    where newest.opened_at < this_run.as_of
)

select * from tickets
