select
    entry_week,
    store_id,
    stage,
    next_stage,
    days,
    entries_count,
    seconds_sum
from {{ ref('journey_transitions') }}
