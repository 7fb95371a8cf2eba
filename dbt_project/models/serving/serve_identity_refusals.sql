-- What was not linked, or was cut, and why: from each customer's side, each reason once, with one pair of personas as example.
with edges as (
    select * from {{ ref('identity_edges') }}
    where refusal is not null
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

refused as (
    select left_persona, right_persona, rule, refusal from edges
    union all
    select left_persona, right_persona, rule, refusal from cuts
),

from_both_sides as (
    select
        left_persona as this_persona,
        right_persona as that_persona,
        rule,
        refusal
    from refused
    union all
    select
        right_persona as this_persona,
        left_persona as that_persona,
        rule,
        refusal
    from refused
),

-- whom something else made one customer stands here once; a persona that is nobody's has no other customer
placed as (
    select
        this_side.customer_id,
        that_side.customer_id as other_customer_id,
        from_both_sides.this_persona,
        from_both_sides.that_persona,
        from_both_sides.rule,
        from_both_sides.refusal
    from from_both_sides
    inner join persona_customers as this_side on from_both_sides.this_persona = this_side.persona_id
    left join persona_customers as that_side on from_both_sides.that_persona = that_side.persona_id
    where that_side.customer_id is null
        or this_side.customer_id <> that_side.customer_id
        or from_both_sides.this_persona < from_both_sides.that_persona
),

examples as (
    select
        *,
        count(*) over (partition by customer_id, other_customer_id, rule, refusal) as links_count
    from placed
    qualify row_number() over (
        partition by customer_id, other_customer_id, rule, refusal
        order by this_persona, that_persona
    ) = 1
),

published as (
    select
        examples.customer_id,
        examples.other_customer_id,
        examples.this_persona,
        examples.that_persona,
        examples.rule,
        examples.refusal,
        examples.links_count,
        greatest(this_side.first_seen_at, that_side.first_seen_at) as seen_at
    from examples
    inner join personas as this_side on examples.this_persona = this_side.persona_id
    inner join personas as that_side on examples.that_persona = that_side.persona_id
)

select * from published
