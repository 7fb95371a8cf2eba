-- What each rule looks at: a persona has a key of a rule when it states all of the rule's types. A value that many people
-- share may still be a part of a longer key.
with observations as (
    select * from {{ source('lake', 'identity_observations') }}
),

rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

identity_values as (
    select * from {{ ref('identity_values') }}
),

stated as (
    select
        observations.persona_id,
        observations.identifier_type,
        observations.identifier,
        observations.first_seen_at,
        observations.last_seen_at,
        identity_values.refusal
    from observations
    inner join identity_values
        on observations.identifier_type = identity_values.identifier_type
        and observations.identifier = identity_values.identifier
    where observations.refusal is null
),

keyed as (
    select
        rules.rule,
        first_type.persona_id,
        concat_ws(
            chr(31)
            {%- for slot in rule_types() %},
            {{ 'first_type' if slot == 1 else 'type_' ~ slot }}.identifier
            {%- endfor %}
        ) as link_key,
        first_type.first_seen_at,
        first_type.last_seen_at
    from rules
    inner join stated as first_type on rules.type_1 = first_type.identifier_type
    {%- for slot in rule_types() if slot > 1 %}
    left join stated as type_{{ slot }}
        on rules.type_{{ slot }} = type_{{ slot }}.identifier_type
        and first_type.persona_id = type_{{ slot }}.persona_id
    {%- endfor %}
    where (rules.types_count > 1 or first_type.refusal is null)
    {%- for slot in rule_types() if slot > 1 %}
        and (rules.type_{{ slot }} is null or type_{{ slot }}.identifier is not null)
    {%- endfor %}
),

-- a key that one persona has links nothing
shared as (
    select
        rule,
        link_key
    from keyed
    group by rule, link_key
    having min(persona_id) <> max(persona_id)
),

identity_rule_keys as (
    select
        keyed.rule,
        keyed.link_key,
        keyed.persona_id,
        min(keyed.first_seen_at) as first_seen_at,
        max(keyed.last_seen_at) as last_seen_at
    from keyed
    inner join shared on keyed.rule = shared.rule and keyed.link_key = shared.link_key
    group by keyed.rule, keyed.link_key, keyed.persona_id
)

select * from identity_rule_keys
