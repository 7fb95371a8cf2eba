-- Customers that became one, or fell apart, and when.
with events as (
    select * from {{ source('lake', 'identity_events') }}
),

published as (
    select
        event_id,
        kind,
        customer_id,
        previous_id,
        cause,
        decided_on
    from events
)

select * from published
