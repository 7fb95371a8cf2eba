-- Each persona of a torn claimant, and those it could belong to: it goes with the one that agrees in more, or else was seen
-- nearer in time. Where two are equally near it chooses nobody.
with statements as (
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
        statements.rule,
        statements.link_key,
        statements.persona_id,
        statements.claimant,
        statements.first_seen_at,
        statements.last_seen_at
    from torn
    inner join statements
        on torn.rule = statements.rule
        and torn.link_key = statements.link_key
        and torn.claimant = statements.claimant
),

possible as (
    select
        torn_personas.rule,
        torn_personas.link_key,
        torn_personas.persona_id,
        claims.that_claimant as claimant,
        claims.agreeing_count,
        {{ days_apart('torn_personas.first_seen_at', 'torn_personas.last_seen_at', 'claims.that_first_seen_at', 'claims.that_last_seen_at') }} as days_apart
    from torn_personas
    inner join claims
        on torn_personas.rule = claims.rule
        and torn_personas.link_key = claims.link_key
        and torn_personas.claimant = claims.this_claimant
    left join torn
        on claims.rule = torn.rule
        and claims.link_key = torn.link_key
        and claims.that_claimant = torn.claimant
    where claims.refusal is null and torn.claimant is null
),

ranked as (
    select
        *,
        rank() over (partition by rule, link_key, persona_id order by agreeing_count desc, days_apart) as place
    from possible
),

choices as (
    select
        rule,
        link_key,
        persona_id,
        claimant,
        place = 1 and count(*) over (partition by rule, link_key, persona_id, place) = 1 as is_chosen
    from ranked
)

select * from choices
