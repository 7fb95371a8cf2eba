with fields as (
    select * from {{ ref('customer_fields') }}
),

rules as (
    select * from {{ source('lake', 'customer_field_rules') }}
),

published as (
    select
        fields.customer_id,
        fields.field,
        fields.value,
        fields.source,
        fields.record_id,
        fields.store_id,
        fields.decided_by,
        fields.runner_up_value,
        fields.runner_up_source,
        fields.runner_up_record_id,
        fields.runner_up_store_id,
        rules.field_seq,
        fields.statements_count,
        fields.is_verified,
        fields.stated_at,
        fields.runner_up_at
    from fields
    inner join rules on fields.field = rules.field
)

select * from published
