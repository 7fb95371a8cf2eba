with custom_fields as (
    select * from {{ source('lake', 'custom_fields') }}
),

published as (
    select
        field,
        choice,
        kind,
        zh,
        en,
        field_seq
    from custom_fields
)

select * from published
