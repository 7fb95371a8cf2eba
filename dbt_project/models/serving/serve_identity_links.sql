-- Why records are one customer: the links that hold, each with the rule that made it; `likely` are those of the probabilistic
-- pass, `people` those of decisions.
with edges as (
    select * from {{ ref('identity_edges') }}
    where refusal is null
),

likely as (
    select * from {{ source('lake', 'identity_likely') }}
    where decision = 'linked'
),

said as (
    select * from {{ source('lake', 'identity_said') }}
),

cuts as (
    select * from {{ source('lake', 'identity_cuts') }}
),

persona_customers as (
    select * from {{ source('lake', 'persona_customers') }}
),

personas as (
    select * from {{ ref('personas') }}
),

made as (
    select
        left_persona,
        right_persona,
        rule,
        cast(null as string) as evidence,
        cast(null as bigint) as weight_ppm
    from edges
    union all
    select
        left_persona,
        right_persona,
        'likely' as rule,
        evidence,
        cast(round(weight * 1000000, 0) as bigint) as weight_ppm
    from likely
    union all
    select distinct
        left_persona,
        right_persona,
        'people' as rule,
        cast(null as string) as evidence,
        cast(null as bigint) as weight_ppm
    from said
),

kept as (
    select made.*
    from made
    left join cuts
        on made.rule = cuts.rule
        and made.left_persona = cuts.left_persona
        and made.right_persona = cuts.right_persona
    where cuts.rule is null
),

published as (
    select
        left_customers.customer_id,
        kept.left_persona,
        kept.right_persona,
        kept.rule,
        kept.evidence,
        kept.weight_ppm,
        greatest(left_side.first_seen_at, right_side.first_seen_at) as seen_at
    from kept
    inner join persona_customers as left_customers on kept.left_persona = left_customers.persona_id
    inner join persona_customers as right_customers
        on kept.right_persona = right_customers.persona_id
        and left_customers.customer_id = right_customers.customer_id
    inner join personas as left_side on kept.left_persona = left_side.persona_id
    inner join personas as right_side on kept.right_persona = right_side.persona_id
)

select * from published
