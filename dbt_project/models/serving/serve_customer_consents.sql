with consents as (
    select * from {{ ref('customer_consents') }}
)

select * from consents
