select scores.customer_id
from {{ ref('serve_churn_scores') }} as scores
left join {{ ref('customers') }} as customers on scores.customer_id = customers.customer_id
where customers.customer_id is null
