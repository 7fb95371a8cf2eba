-- Links between personas, accepted and refused, with the reason of a refusal. Of a claimant all personas are linked to its
-- first one; two claimants by theirs; a persona of a torn claimant to whom it chose.
with rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

statements as (
    select * from {{ ref('identity_statements') }}
),

crowds as (
    select distinct
        rule_seq,
        link_key
    from {{ ref('identity_claimants') }}
    where is_crowd
),

claims as (
    select * from {{ ref('identity_claims') }}
),

torn as (
    select * from {{ ref('identity_torn') }}
),

choices as (
    select * from {{ ref('identity_choices') }}
),

-- a torn claimant goes persona by persona; in a crowd, those who state nothing else could be anybody
within_claimants as (
    select
        statements.rule_seq,
        statements.link_key,
        statements.claimant as this_persona,
        statements.persona_id as that_persona,
        cast(null as string) as refusal
    from statements
    left join crowds
        on statements.rule_seq = crowds.rule_seq
        and statements.link_key = crowds.link_key
    left join torn
        on statements.rule_seq = torn.rule_seq
        and statements.link_key = torn.link_key
        and statements.claimant = torn.claimant
    where statements.persona_id <> statements.claimant
        and torn.claimant is null
        and not (crowds.link_key is not null and statements.states_nothing)
),

between_claimants as (
    select
        claims.rule_seq,
        claims.link_key,
        claims.this_claimant as this_persona,
        claims.that_claimant as that_persona,
        claims.refusal
    from claims
    left join torn as torn_this
        on claims.rule_seq = torn_this.rule_seq
        and claims.link_key = torn_this.link_key
        and claims.this_claimant = torn_this.claimant
    left join torn as torn_that
        on claims.rule_seq = torn_that.rule_seq
        and claims.link_key = torn_that.link_key
        and claims.that_claimant = torn_that.claimant
    where claims.this_claimant < claims.that_claimant
        and (claims.refusal is not null or (torn_this.claimant is null and torn_that.claimant is null))
),

of_the_torn as (
    select
        rule_seq,
        link_key,
        persona_id as this_persona,
        claimant as that_persona,
        case when not is_chosen then 'torn' end as refusal
    from choices
),

all_edges as (
    select * from within_claimants
    union all
    select * from between_claimants
    union all
    select * from of_the_torn
),

identity_edges as (
    select
        least(all_edges.this_persona, all_edges.that_persona) as left_persona,
        greatest(all_edges.this_persona, all_edges.that_persona) as right_persona,
        rules.rule,
        all_edges.link_key,
        all_edges.refusal,
        all_edges.rule_seq
    from all_edges
    inner join rules on all_edges.rule_seq = rules.rule_seq
)

select * from identity_edges
