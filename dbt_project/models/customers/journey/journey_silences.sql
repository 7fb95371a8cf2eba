{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched([
    changed(ref('interactions'), ['customer_id']),
    fallen_silent(),
]) }}
-- When nothing was heard of a customer: from so many days after a touch, or from the moment when the last tie was cut, until the
-- next touch (null: until now). Two touches further apart than the shortest quiet stage never fall into one window of that length,
-- so only the first and the last touch of each window are compared, not every two touches.
with interactions as (
    select told.* from {{ ref('interactions') }} as told
    {{ only_touched(['told.customer_id']) }}
),

stages as (
    select * from {{ source('lake', 'journey_stages') }}
),

rules as (
    select * from {{ source('lake', 'journey_rules') }}
),

limits as (
    select * from {{ source('lake', 'journey_limits') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

touch_kinds as (
    select distinct kind from rules
    where part = 'touch'
),

windows as (
    select
        interactions.customer_id,
        {{ integer_division(epoch_seconds('interactions.occurred_at'), 'limits.quiet_days * 86400') }} as window_no,
        min(interactions.occurred_at) as first_at,
        max(interactions.occurred_at) as last_at
    from interactions
    inner join touch_kinds on interactions.kind = touch_kinds.kind
    cross join limits
    group by 1, 2
),

gaps as (
    select
        customer_id,
        last_at,
        lead(first_at) over (partition by customer_id order by window_no) as next_at
    from windows
),

unheard as (
    select
        gaps.customer_id,
        stages.stage_rank,
        {{ days_later('gaps.last_at', 'stages.quiet_days') }} as began_at,
        gaps.next_at as ended_at
    from gaps
    cross join this_run
    inner join stages on {{ days_later('gaps.last_at', 'stages.quiet_days') }} < coalesce(gaps.next_at, this_run.as_of)
),

tie_changes as (
    select
        interactions.customer_id,
        rules.stage_rank,
        interactions.occurred_at,
        sum(case when rules.part = 'joined' then 1 else -1 end) as change,
        max(case when rules.part = 'left' then 1 else 0 end) as has_left
    from interactions
    inner join rules on interactions.kind = rules.kind
    where rules.part in ('joined', 'left')
    group by interactions.customer_id, rules.stage_rank, interactions.occurred_at
),

ties as (
    select
        *,
        sum(change) over (partition by customer_id, stage_rank order by occurred_at) as ties_count
    from tie_changes
),

cut as (
    select
        customer_id,
        stage_rank,
        occurred_at as began_at
    from ties
    where has_left = 1 and ties_count <= 0
),

touches_of_the_cut as (
    select
        interactions.customer_id,
        interactions.occurred_at
    from interactions
    inner join touch_kinds on interactions.kind = touch_kinds.kind
    where interactions.customer_id in (select customer_id from cut)
),

gone as (
    select
        cut.customer_id,
        cut.stage_rank,
        cut.began_at,
        min(touches_of_the_cut.occurred_at) as ended_at
    from cut
    left join touches_of_the_cut
        on cut.customer_id = touches_of_the_cut.customer_id
        and cut.began_at < touches_of_the_cut.occurred_at
    group by cut.customer_id, cut.stage_rank, cut.began_at
),

silences as (
    select * from unheard
    union all
    select * from gone
),

-- a tie that is cut at the very moment at which a silence begins is one silence
journey_silences as (
    select
        customer_id,
        stage_rank,
        began_at,
        ended_at
    from silences
    qualify row_number() over (
        partition by customer_id, stage_rank, began_at order by coalesce(ended_at, timestamp '9999-12-31 00:00:00')
    ) = 1
)

select * from journey_silences
