-- Whose record is it? Where the lines of an order name two buyers, the first persona that is somebody decides.
with identity_records as (
    select * from {{ ref('identity_records') }}
),

persona_customers as (
    select * from {{ source('lake', 'persona_customers') }}
),

record_customers as (
    select
        identity_records.record_id,
        min_by(
            persona_customers.customer_id,
            coalesce(cast(identity_records.observed_at as string), '')
                || lpad(cast(identity_records.persona_id as string), 19, '0')
        ) as customer_id
    from identity_records
    inner join persona_customers on identity_records.persona_id = persona_customers.persona_id
    group by identity_records.record_id
)

select * from record_customers
