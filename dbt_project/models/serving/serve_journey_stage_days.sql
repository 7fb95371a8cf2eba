select
    metric_date,
    store_id,
    stage,
    entered_count,
    left_count,
    present_count
from {{ ref('journey_stage_days') }}
