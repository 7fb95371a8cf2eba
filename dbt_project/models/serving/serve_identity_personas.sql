{#- What stands beside the observations as records state it: type, and the column of personas. -#}
{%- set as_written = [
    ('name', 'name'),
    ('city', 'city'),
    ('receiver_name', 'receiver_name'),
    ('receiver_phone', 'receiver_phone'),
    ('receiver_place', "concat_ws(' ', receiver_province, receiver_city, receiver_district)"),
] -%}
-- What customers are made of: every value that a persona states, also names and receivers as they were written. Of personas
-- that are nobody's, those that could be one of several people.
with observations as (
    select * from {{ source('lake', 'identity_observations') }}
),

persona_customers as (
    select * from {{ source('lake', 'persona_customers') }}
),

personas as (
    select * from {{ ref('personas') }}
),

refused_values as (
    select * from {{ ref('identity_values') }}
    where refusal is not null
),

contested as (
    select * from {{ ref('identity_contested') }}
),

placed as (
    select
        persona_customers.customer_id,
        personas.persona_id,
        personas.source,
        personas.name,
        personas.city,
        personas.receiver_name,
        personas.receiver_phone,
        personas.receiver_province,
        personas.receiver_city,
        personas.receiver_district,
        personas.records_count,
        personas.first_seen_at,
        personas.last_seen_at
    from personas
    left join persona_customers on personas.persona_id = persona_customers.persona_id
    left join contested on personas.persona_id = contested.persona_id
    where persona_customers.customer_id is not null or contested.persona_id is not null
),

stated as (
    select
        placed.customer_id,
        placed.persona_id,
        observations.identifier_type,
        observations.identifier,
        placed.source,
        coalesce(observations.refusal, refused_values.refusal) as refusal,
        placed.records_count,
        observations.is_identifier,
        placed.first_seen_at,
        placed.last_seen_at
    from placed
    inner join observations on placed.persona_id = observations.persona_id
    left join refused_values on observations.value_id = refused_values.value_id
    where observations.identifier_type not in ('{{ as_written | map(attribute=0) | join("', '") }}')
),

written as (
    {%- for identifier_type, column in as_written %}
    select
        customer_id,
        persona_id,
        '{{ identifier_type }}' as identifier_type,
        {{ column }} as identifier,
        source,
        cast(null as string) as refusal,
        records_count,
        false as is_identifier,
        first_seen_at,
        last_seen_at
    from placed
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

all_values as (
    select * from stated
    union all
    select * from written
    where identifier <> ''
),

published as (
    select
        customer_id,
        persona_id,
        identifier_type,
        identifier,
        source,
        refusal,
        records_count,
        is_identifier,
        first_seen_at,
        last_seen_at
    from all_values
)

select * from published
