-- Under each key of a rule, those who state the same of everything that the rule's guards compare are one claimant:
-- between its personas nothing can contradict. Where a key has more claimants than the rule allows, none is compared.
with statements as (
    select * from {{ ref('identity_statements') }}
),

rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

grouped as (
    select
        rule,
        link_key,
        min_by(persona_id, cast(first_seen_at as string) || persona_id) as claimant
        {%- for slot in rule_guards() %},
        stated_{{ slot }}
        {%- endfor %},
        era,
        states_nothing,
        count(*) as personas_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from statements
    group by
        rule,
        link_key,
        era,
        states_nothing
        {%- for slot in rule_guards() %},
        stated_{{ slot }}
        {%- endfor %}
),

counted as (
    select
        *,
        count(*) over (partition by rule, link_key) as claimants_count
    from grouped
),

claimants as (
    select
        counted.*,
        counted.claimants_count > rules.most as is_crowd
    from counted
    inner join rules on counted.rule = rules.rule
)

select * from claimants
