select
    stage,
    sort,
    name_zh,
    name_en,
    waits_for,
    stage_rank,
    quiet_days,
    stays_days,
    target_days,
    horizon_days
from {{ source('lake', 'journey_stages') }}
