-- Personas that could be either of several people and chose none. If nothing else links them they are nobody's.
with choices as (
    select * from {{ ref('identity_choices') }}
),

contested as (
    select persona_id
    from choices
    group by persona_id
    having max(case when is_chosen then 1 else 0 end) = 0
)

select * from contested
