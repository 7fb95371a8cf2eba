-- The claimants under each key of a rule. Where a key has more of them than the rule allows, none is compared.
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
        claimant
        {%- for slot in rule_guards() %},
        min(stated_{{ slot }}) as stated_{{ slot }}
        {%- endfor %},
        count(*) as personas_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from statements
    group by rule, link_key, claimant
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
