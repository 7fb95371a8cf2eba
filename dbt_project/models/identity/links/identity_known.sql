-- What guards compare, a column for each type that any guard names: what a persona states, else what its kin state with one
-- voice. Values by their number.
with rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

kin as (
    select * from {{ ref('identity_kin') }}
),

guarded as (
    {%- for slot in rule_guards() %}
    select
        guard_place_{{ slot }} as place,
        guard_type_{{ slot }} as identifier_type
    from rules
    where guard_type_{{ slot }} is not null
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

stated as (
    select
        observations.persona_id
        {%- for place in guarded_types() %},
        min(case when guarded.place = {{ place }} then observations.value_id end) as known_{{ place }}
        {%- endfor %}
    from {{ source('lake', 'identity_observations') }} as observations
    inner join guarded on observations.identifier_type = guarded.identifier_type
    where observations.refusal is null
    group by observations.persona_id
),

of_kin as (
    select
        kin.kin
        {%- for place in guarded_types() %},
        case
            when min(case when guarded.place = {{ place }} then observations.value_id end)
                = max(case when guarded.place = {{ place }} then observations.value_id end)
                then min(case when guarded.place = {{ place }} then observations.value_id end)
        end as known_{{ place }}
        {%- endfor %}
    from {{ source('lake', 'identity_observations') }} as observations
    inner join guarded on observations.identifier_type = guarded.identifier_type
    inner join kin on observations.persona_id = kin.persona_id
    where observations.refusal is null
    group by kin.kin
),

said_by_kin as (
    select
        kin.persona_id
        {%- for place in guarded_types() %},
        of_kin.known_{{ place }}
        {%- endfor %}
    from kin
    inner join of_kin on kin.kin = of_kin.kin
),

known as (
    select
        coalesce(stated.persona_id, said_by_kin.persona_id) as persona_id
        {%- for place in guarded_types() %},
        coalesce(stated.known_{{ place }}, said_by_kin.known_{{ place }}) as known_{{ place }}
        {%- endfor %}
    from stated
    full outer join said_by_kin on stated.persona_id = said_by_kin.persona_id
)

select * from known
