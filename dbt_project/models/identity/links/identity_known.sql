-- What guards compare: what a persona states, else what its kin state with one voice.
with observations as (
    select * from {{ source('lake', 'identity_observations') }}
),

rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

kin as (
    select * from {{ ref('identity_kin') }}
),

guarded_types as (
    {%- for slot in rule_guards() %}
    select guard_type_{{ slot }} as identifier_type from rules where guard_type_{{ slot }} is not null
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

stated as (
    select
        observations.persona_id,
        observations.identifier_type,
        min(observations.identifier) as identifier
    from observations
    inner join guarded_types on observations.identifier_type = guarded_types.identifier_type
    where observations.refusal is null
    group by observations.persona_id, observations.identifier_type
),

of_kin as (
    select
        kin.kin,
        stated.identifier_type,
        min(stated.identifier) as identifier
    from stated
    inner join kin on stated.persona_id = kin.persona_id
    group by kin.kin, stated.identifier_type
    having min(stated.identifier) = max(stated.identifier)
),

said_by_kin as (
    select
        kin.persona_id,
        of_kin.identifier_type,
        of_kin.identifier
    from kin
    inner join of_kin on kin.kin = of_kin.kin
),

known as (
    select
        coalesce(stated.persona_id, said_by_kin.persona_id) as persona_id,
        coalesce(stated.identifier_type, said_by_kin.identifier_type) as identifier_type,
        coalesce(stated.identifier, said_by_kin.identifier) as identifier
    from stated
    full outer join said_by_kin
        on stated.persona_id = said_by_kin.persona_id
        and stated.identifier_type = said_by_kin.identifier_type
)

select * from known
