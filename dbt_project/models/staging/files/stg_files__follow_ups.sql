{{ config(materialized='incremental_by_key', by=['follow_up_id']) }}
{{ touched([
    landed_since(source('lake', 'follow_ups'), ['follow_up_id'], times=['followed_at']),
]) }}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'follow_ups'), key=['follow_up_id'], said=[
        'lead_id', 'unionid', 'external_userid', 'phone', 'member_no', 'staff_id', 'store_id', 'name',
        'channel', 'content', 'outcome', 'next_step', 'followed_at', 'next_at',
    ]) }}
),

follow_ups as (
    select
        newest.follow_up_id,
        newest.lead_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        newest.staff_id,
        newest.store_id,
        newest.name,
        newest.channel,
        newest.content,
        newest.outcome,
        newest.next_step,
        newest.followed_at,
        newest.next_at
    from newest
    cross join this_run
    where newest.followed_at < this_run.as_of
)

select * from follow_ups
