{{ config(materialized='incremental_by_key', by=['app_id', 'event_id']) }}
{{ touched([landed_since(source('lake', 'app_events'), ['app_id', 'event_id'], times=['occurred_at'])]) }}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

-- A log that repeats itself sends the same event in several batches, and a later one may correct it.
newest as (
    {{ first_of_each(
        source('lake', 'app_events'), ['app_id', 'event_id'],
        order=['batches.seq desc', 'delivered._row desc', 'delivered.occurred_at'],
    ) }}
),

events as (
    select
        newest.app_id || ':' || newest.event_id as app_event_id,
        newest.app_id,
        newest.event_id,
        newest.visitor_id,
        newest.openid,
        newest.unionid,
        newest.session_id,
        newest.object_id,
        newest.campaign_id,
        newest.store_id,
        newest.kind,
        newest.object_type,
        newest.page,
        newest.source,
        newest.keyword,
        newest.currency,
        newest.quantity,
        newest.amount,
        newest.occurred_at,
        newest.received_at
    from newest
    cross join this_run
    where newest.occurred_at < this_run.as_of
)

select * from events
