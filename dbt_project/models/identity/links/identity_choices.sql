-- Each persona of a torn claimant, and those it could belong to: it goes with the one that agrees in more, or else was seen
-- clearly nearer in time. Where it is not clear it chooses nobody.
with rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

statements as (
    select * from {{ ref('identity_statements') }}
),

claims as (
    select * from {{ ref('identity_claims') }}
),

torn as (
    select * from {{ ref('identity_torn') }}
),

torn_personas as (
    select
        statements.rule_seq,
        statements.link_key,
        statements.persona_id,
        statements.claimant,
        statements.first_seen_at,
        statements.last_seen_at
    from torn
    inner join statements
        on torn.rule_seq = statements.rule_seq
        and torn.link_key = statements.link_key
        and torn.claimant = statements.claimant
),

possible as (
    select
        torn_personas.rule_seq,
        torn_personas.link_key,
        torn_personas.persona_id,
        claims.that_claimant as claimant,
        claims.agreeing_count,
        rules.clear_days,
        {{ days_apart('torn_personas.first_seen_at', 'torn_personas.last_seen_at', 'claims.that_first_seen_at', 'claims.that_last_seen_at') }} as days_apart
    from torn_personas
    inner join claims
        on torn_personas.rule_seq = claims.rule_seq
        and torn_personas.link_key = claims.link_key
        and torn_personas.claimant = claims.this_claimant
    inner join rules on torn_personas.rule_seq = rules.rule_seq
    left join torn
        on claims.rule_seq = torn.rule_seq
        and claims.link_key = torn.link_key
        and claims.that_claimant = torn.claimant
    where claims.refusal is null and torn.claimant is null
),

ranked as (
    select
        *,
        row_number() over the_nearest_first as place,
        lead(agreeing_count) over the_nearest_first as next_agreeing_count,
        lead(days_apart) over the_nearest_first as next_days_apart
    from possible
    window the_nearest_first as (
        partition by rule_seq, link_key, persona_id
        order by agreeing_count desc, days_apart, claimant
    )
),

choices as (
    select
        rule_seq,
        link_key,
        persona_id,
        claimant,
        place = 1 and (
            next_agreeing_count is null
            or next_agreeing_count < agreeing_count
            or next_days_apart > days_apart + clear_days
        ) as is_chosen
    from ranked
)

select * from choices
