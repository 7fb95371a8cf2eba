{{ config(materialized='incremental_by_key', by=['record_id']) }}
{{ touched([
    changed(ref('identity_records'), ['record_id']),
    meets_changed(ref('identity_records'), ['record_id'], source('lake', 'persona_customers'), ['persona_id']),
]) }}
-- Whose record is it? Where the lines of an order name two buyers, the first persona that is somebody decides.
with identity_records as (
    select records.* from {{ ref('identity_records') }} as records
    {{ only_touched(['records.record_id']) }}
),

persona_customers as (
    select * from {{ source('lake', 'persona_customers') }}
),

record_customers as (
    select
        identity_records.record_id,
        min_by(
            persona_customers.customer_id,
            {{ place_in_time('identity_records.observed_at', 'identity_records.persona_id') }}
        ) as customer_id
    from identity_records
    inner join persona_customers on identity_records.persona_id = persona_customers.persona_id
    group by identity_records.record_id
)

select * from record_customers
