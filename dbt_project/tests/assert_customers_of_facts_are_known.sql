select facts.customer_id
from (
    select customer_id from {{ ref('orders') }}
    union
    select customer_id from {{ ref('refunds') }}
    union
    select customer_id from {{ ref('interactions') }}
    union
    select customer_id from {{ ref('customer_consents') }}
    union
    select customer_id from {{ ref('churn_examples') }}
) as facts
left join {{ ref('customers') }} as customers on facts.customer_id = customers.customer_id
where facts.customer_id is not null and customers.customer_id is null
