{{ config(materialized='incremental_by_key', by=['entry_id']) }}
{{ touched([
    landed_since(source('lake', 'points'), ['entry_id'], times=['occurred_at']),
]) }}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'points'), key=['entry_id'], said=[
        'unionid', 'external_userid', 'phone', 'member_no', 'order_id', 'store_id', 'name', 'kind', 'reason',
        'points', 'balance_after', 'expires_on', 'occurred_at',
    ]) }}
),

points as (
    select
        newest.entry_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        newest.order_id,
        newest.store_id,
        newest.name,
        newest.kind,
        newest.reason,
        newest.points,
        newest.balance_after,
        newest.expires_on,
        newest.occurred_at
    from newest
    cross join this_run
    where newest.occurred_at < this_run.as_of
)

select * from points
