select
    week,
    store_id,
    stage,
    measure,
    entries_count,
    weeks_count,
    value,
    usual,
    deviation,
    is_alert
from {{ ref('journey_weeks') }}
