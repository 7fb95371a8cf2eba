-- Steps of statements that happened before the business date; a step landed twice is one.
with event_rows as (
    select * from {{ source('lake', 'statement_events') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

statement_events as (
    select distinct
        event_rows.event_id,
        event_rows.event,
        event_rows.period,
        event_rows.party_id,
        event_rows.currency,
        event_rows.amount,
        event_rows.happened_on,
        event_rows.recorded_at
    from event_rows
    cross join this_run
    where event_rows.happened_on < this_run.business_date
)

select * from statement_events
