-- Each persona under each key of a rule, with what is known of it about the types that the rule's guards compare. Those of whom
-- the same is known are one claimant, named by the first of them: between them nothing can contradict.
with rule_keys as (
    select * from {{ ref('identity_rule_keys') }}
),

rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

known as (
    select * from {{ ref('identity_known') }}
),

beside_known as (
    select
        rule_keys.rule,
        rule_keys.link_key,
        rule_keys.persona_id
        {%- for slot in rule_guards() %},
        known_{{ slot }}.identifier as stated_{{ slot }}
        {%- endfor %},
        rules.apart_days,
        rule_keys.first_seen_at,
        rule_keys.last_seen_at
    from rule_keys
    inner join rules on rule_keys.rule = rules.rule
    {%- for slot in rule_guards() %}
    left join known as known_{{ slot }}
        on rules.guard_type_{{ slot }} = known_{{ slot }}.identifier_type
        and rule_keys.persona_id = known_{{ slot }}.persona_id
    {%- endfor %}
),

dated as (
    select
        *,
        coalesce(
            {%- for slot in rule_guards() %}
            stated_{{ slot }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) is null as states_nothing,
        lag(last_seen_at) over (
            partition by
                rule,
                link_key
                {%- for slot in rule_guards() %},
                stated_{{ slot }}
                {%- endfor %}
            order by first_seen_at, last_seen_at, persona_id
        ) as seen_before_at
    from beside_known
),

-- Of those who state nothing, whoever comes after a long silence may be another one: a new era begins.
in_eras as (
    select
        rule,
        link_key,
        persona_id
        {%- for slot in rule_guards() %},
        stated_{{ slot }}
        {%- endfor %},
        cast(sum(
            case
                when states_nothing
                    and {{ days_between('cast(seen_before_at as date)', 'cast(first_seen_at as date)') }} > apart_days
                    then 1
                else 0
            end
        ) over (
            partition by
                rule,
                link_key
                {%- for slot in rule_guards() %},
                stated_{{ slot }}
                {%- endfor %}
            order by first_seen_at, last_seen_at, persona_id
        ) as bigint) as era,
        states_nothing,
        first_seen_at,
        last_seen_at
    from dated
),

statements as (
    select
        *,
        first_value(persona_id) over (
            partition by
                rule,
                link_key,
                era
                {%- for slot in rule_guards() %},
                stated_{{ slot }}
                {%- endfor %}
            order by first_seen_at, persona_id
        ) as claimant
    from in_eras
)

select * from statements
