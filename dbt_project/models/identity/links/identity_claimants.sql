-- The claimants of each key that has more than one. Where a key has more of them than the rule allows, none is compared.
with statements as (
    select * from {{ ref('identity_statements') }}
    where not is_sole
),

rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

known as (
    select * from {{ ref('identity_known') }}
),

claimed_by_several as (
    select
        rule_seq,
        link_key
    from statements
    group by rule_seq, link_key
    having min(claimant) <> max(claimant)
),

grouped as (
    select
        statements.rule_seq,
        statements.link_key,
        statements.claimant
        {%- for slot in rule_guards() %},
        min({{ known_for_guard(slot) }}) as stated_{{ slot }}
        {%- endfor %},
        count(*) as personas_count,
        min(statements.first_seen_at) as first_seen_at,
        max(statements.last_seen_at) as last_seen_at
    from statements
    inner join claimed_by_several
        on statements.rule_seq = claimed_by_several.rule_seq
        and statements.link_key = claimed_by_several.link_key
    inner join rules on statements.rule_seq = rules.rule_seq
    left join known on statements.persona_id = known.persona_id
    group by statements.rule_seq, statements.link_key, statements.claimant
),

counted as (
    select
        *,
        count(*) over (partition by rule_seq, link_key) as claimants_count
    from grouped
),

claimants as (
    select
        counted.*,
        counted.claimants_count > rules.most as is_crowd
    from counted
    inner join rules on counted.rule_seq = rules.rule_seq
)

select * from claimants
