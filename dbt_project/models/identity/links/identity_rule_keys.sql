-- What each rule looks at: a persona has a key of a rule when it states all of the rule's types. A value that many people
-- share may still be a part of a longer key. A key is the value's number, or the sum of its values': as good as a hash of
-- them, because the numbers of the values are hashes.
with rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

rule_types as (
    {%- for slot in rule_types() %}
    select
        rule_seq,
        types_count,
        {{ slot }} as slot,
        type_{{ slot }} as identifier_type
    from rules
    where type_{{ slot }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- what one persona alone states links nothing
linking_values as (
    select
        rule_types.rule_seq,
        rule_types.types_count,
        rule_types.slot,
        identity_values.value_id,
        identity_values.first_persona
    from {{ ref('identity_values') }} as identity_values
    inner join rule_types on identity_values.identifier_type = rule_types.identifier_type
    where identity_values.personas_count > 1
        and (
            identity_values.refusal is null
            or (identity_values.is_over_limit and rule_types.types_count > 1)
        )
),

of_one_type as (
    select
        linking_values.rule_seq,
        linking_values.value_id as link_key,
        observations.persona_id,
        linking_values.first_persona,
        observations.first_seen_at,
        observations.last_seen_at
    from {{ source('lake', 'identity_observations') }} as observations
    inner join linking_values on observations.value_id = linking_values.value_id
    where linking_values.types_count = 1
),

of_several_types as (
    select
        linking_values.rule_seq,
        cast(sum(linking_values.value_id) as bigint) as link_key,
        observations.persona_id,
        min(case when linking_values.slot = 1 then linking_values.value_id end) as value_id,
        min(observations.first_seen_at) as first_seen_at,
        max(observations.last_seen_at) as last_seen_at
    from {{ source('lake', 'identity_observations') }} as observations
    inner join linking_values on observations.value_id = linking_values.value_id
    where linking_values.types_count > 1
    group by linking_values.rule_seq, linking_values.types_count, observations.persona_id
    having count(*) = linking_values.types_count
),

-- of several values, more than one persona has to state all; should two keys ever have one number, neither links
shared as (
    select
        rule_seq,
        link_key,
        min(persona_id) as first_persona
    from of_several_types
    group by rule_seq, link_key
    having min(persona_id) <> max(persona_id) and min(value_id) = max(value_id)
),

identity_rule_keys as (
    select
        rule_seq,
        link_key,
        persona_id,
        first_persona,
        first_seen_at,
        last_seen_at
    from of_one_type
    union all
    select
        of_several_types.rule_seq,
        of_several_types.link_key,
        of_several_types.persona_id,
        shared.first_persona,
        of_several_types.first_seen_at,
        of_several_types.last_seen_at
    from of_several_types
    inner join shared
        on of_several_types.rule_seq = shared.rule_seq
        and of_several_types.link_key = shared.link_key
)

select * from identity_rule_keys
