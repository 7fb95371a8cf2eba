-- Who is present in all stages and stores together is everybody who ever began a journey, each once; of all that was published.
with present as (
    select coalesce(sum(entered_count - left_count), 0) as customers_count
    from {{ ref('serve_journey_stage_days') }}
),

begun as (
    select count(distinct customer_id) as customers_count
    from {{ ref('serve_journey_entries') }}
)

select
    present.customers_count as present_count,
    begun.customers_count as begun_count
from present
cross join begun
where present.customers_count <> begun.customers_count
