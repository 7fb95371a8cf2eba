-- Claimants that could be either of two who contradict each other: orders that state a family's phone and no name, a number
-- that was given to somebody else.
with claims as (
    select * from {{ ref('identity_claims') }}
),

torn as (
    select distinct
        one.rule_seq,
        one.link_key,
        one.this_claimant as claimant
    from claims as one
    inner join claims as other
        on one.rule_seq = other.rule_seq
        and one.link_key = other.link_key
        and one.this_claimant = other.this_claimant
        and one.that_claimant < other.that_claimant
    inner join claims as between_them
        on one.rule_seq = between_them.rule_seq
        and one.link_key = between_them.link_key
        and one.that_claimant = between_them.this_claimant
        and other.that_claimant = between_them.that_claimant
    where one.refusal is null
        and other.refusal is null
        and between_them.refusal is not null
)

select * from torn
