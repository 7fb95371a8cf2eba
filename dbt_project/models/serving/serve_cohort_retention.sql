select
    store_id,
    channel,
    cohort_month,
    months_since,
    customers_count,
    active_count,
    orders_count
from {{ ref('cohort_retention') }}
