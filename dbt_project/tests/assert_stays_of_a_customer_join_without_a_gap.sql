-- A customer is in one stage at a time, from the first on: each stay has a beginning and ends, later, when the next begins, in the
-- stage that the next is in. So (customer_id, entered_at) is a key too.
with stays as (
    select
        customer_id,
        entry_no,
        next_stage,
        left_at,
        entered_at,
        lead(stage) over (partition by customer_id order by entry_no) as stage_after,
        lead(entered_at) over (partition by customer_id order by entry_no) as entered_after
    from {{ ref('journey_entries') }}
)

select
    customer_id,
    entry_no
from stays
where coalesce(next_stage, '') <> coalesce(stage_after, '')
    or coalesce(left_at, timestamp '9999-12-31 00:00:00') <> coalesce(entered_after, timestamp '9999-12-31 00:00:00')
    or left_at <= entered_at
    or entered_at is null
