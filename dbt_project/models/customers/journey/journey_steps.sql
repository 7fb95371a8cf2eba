{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched([
    changed(ref('interactions'), ['customer_id']),
]) }}
-- When each step of the journey was opened to a customer. Counts per customer and kind first: fifty million interactions
-- are grouped once, and only the kinds of which the nth counts are numbered.
with interactions as (
    select told.* from {{ ref('interactions') }} as told
    {{ only_touched(['told.customer_id']) }}
),

rules as (
    select * from {{ source('lake', 'journey_rules') }}
    where part = 'enter'
),

conditions as (
    select distinct
        condition,
        kind,
        nth
    from rules
),

alternatives as (
    select distinct
        stage,
        stage_rank,
        alternative,
        conditions_count,
        condition
    from rules
),

first_of_kinds as (
    select
        customer_id,
        kind,
        min(occurred_at) as first_at
    from interactions
    group by customer_id, kind
),

firsts as (
    select
        first_of_kinds.customer_id,
        conditions.condition,
        min(first_of_kinds.first_at) as held_at
    from first_of_kinds
    inner join conditions on first_of_kinds.kind = conditions.kind
    where conditions.nth = 1
    group by first_of_kinds.customer_id, conditions.condition
),

nths as (
    select
        interactions.customer_id,
        conditions.condition,
        interactions.occurred_at as held_at
    from interactions
    inner join conditions on interactions.kind = conditions.kind
    where conditions.nth > 1
    qualify row_number() over (
        partition by interactions.customer_id, conditions.condition order by interactions.occurred_at
    ) = conditions.nth
),

held as (
    select * from firsts
    union all
    select * from nths
),

opened as (
    select
        held.customer_id,
        alternatives.stage,
        alternatives.stage_rank,
        alternatives.alternative,
        max(held.held_at) as reached_at
    from held
    inner join alternatives on held.condition = alternatives.condition
    group by
        held.customer_id, alternatives.stage, alternatives.stage_rank, alternatives.alternative, alternatives.conditions_count
    having count(*) = alternatives.conditions_count
),

journey_steps as (
    select
        customer_id,
        stage,
        stage_rank,
        min(reached_at) as reached_at
    from opened
    group by customer_id, stage, stage_rank
)

select * from journey_steps
