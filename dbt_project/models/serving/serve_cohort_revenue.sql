select
    store_id,
    channel,
    cohort_month,
    months_since,
    currency,
    paid_amount,
    refunded_amount
from {{ ref('cohort_revenue') }}
