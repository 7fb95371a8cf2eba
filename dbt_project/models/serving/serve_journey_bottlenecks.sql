select
    store_id,
    stage,
    next_stage,
    waits_for,
    place,
    times_count,
    late_count,
    target_seconds,
    mean_seconds,
    median_seconds,
    p90_seconds,
    share_ppm,
    excess_seconds
from {{ ref('journey_bottlenecks') }}
