-- Each persona under each key of a rule, with what is known of it about the types that the rule's guards compare. Those of whom
-- the same is known are one claimant, named by the smallest of them: between them nothing can contradict. A sole claimant
-- shares the key with no other.
with rule_keys as (
    select * from {{ ref('identity_rule_keys') }}
),

rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

known as (
    select * from {{ ref('identity_known') }}
),

-- what is known as one number, 0 for nothing: values of different types never have one number, so that a sum tells
summed as (
    select
        rule_keys.rule_seq,
        rule_keys.link_key,
        rule_keys.persona_id,
        rule_keys.first_persona,
        {% for slot in rule_guards() -%}
        coalesce({{ known_for_guard(slot) }}, 0){{ ' + ' if not loop.last }}
        {%- endfor %} as statement,
        rules.apart_days,
        rule_keys.first_seen_at,
        rule_keys.last_seen_at
    from rule_keys
    inner join rules on rule_keys.rule_seq = rules.rule_seq
    left join known on rule_keys.persona_id = known.persona_id
),

-- nearly all keys are of one person, of whom the same is known wherever: what follows is done for the others
several as (
    select
        rule_seq,
        link_key
    from summed
    group by rule_seq, link_key
    having min(statement) <> max(statement) or (max(statement) = 0 and max(apart_days) is not null)
),

of_several as (
    select summed.*
    from summed
    inner join several on summed.rule_seq = several.rule_seq and summed.link_key = several.link_key
),

silences as (
    select
        *,
        lag(last_seen_at) over (
            partition by rule_seq, link_key order by first_seen_at, last_seen_at, persona_id
        ) as seen_before_at
    from of_several
    where statement = 0 and apart_days is not null
),

-- Of those who state nothing, whoever comes after a long silence may be another one: a new era begins.
eras as (
    select
        rule_seq,
        link_key,
        persona_id,
        cast(sum(
            case
                when {{ days_between('cast(seen_before_at as date)', 'cast(first_seen_at as date)') }} > apart_days then 1
                else 0
            end
        ) over (
            partition by rule_seq, link_key order by first_seen_at, last_seen_at, persona_id
        ) as bigint) as era
    from silences
),

in_eras as (
    select
        of_several.*,
        coalesce(eras.era, 0) as era
    from of_several
    left join eras
        on of_several.rule_seq = eras.rule_seq
        and of_several.link_key = eras.link_key
        and of_several.persona_id = eras.persona_id
),

statements as (
    select
        summed.rule_seq,
        summed.link_key,
        summed.persona_id,
        summed.statement = 0 as states_nothing,
        summed.first_seen_at,
        summed.last_seen_at,
        summed.first_persona as claimant,
        true as is_sole
    from summed
    left join several on summed.rule_seq = several.rule_seq and summed.link_key = several.link_key
    where several.link_key is null
    union all
    select
        rule_seq,
        link_key,
        persona_id,
        statement = 0 as states_nothing,
        first_seen_at,
        last_seen_at,
        min(persona_id) over (partition by rule_seq, link_key, statement, era) as claimant,
        false as is_sole
    from in_eras
)

select * from statements
