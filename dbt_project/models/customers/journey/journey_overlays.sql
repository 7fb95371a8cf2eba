{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched([
    changed(ref('journey_silences'), ['customer_id']),
]) }}
-- What lies over the steps: the deepest silence at each moment, and after it, for a while, that the customer is back. Segments of
-- one customer never overlap. A null until_at is open.
with silences as (
    select told.* from {{ ref('journey_silences') }} as told
    {{ only_touched(['told.customer_id']) }}
),

stages as (
    select * from {{ source('lake', 'journey_stages') }}
),

moments as (
    select
        customer_id,
        began_at as happened_at
    from silences
    union
    select
        customer_id,
        ended_at as happened_at
    from silences
    where ended_at is not null
),

depths as (
    select
        moments.customer_id,
        moments.happened_at,
        coalesce(max(silences.stage_rank), 0) as depth
    from moments
    left join silences
        on moments.customer_id = silences.customer_id
        and moments.happened_at >= silences.began_at
        and (silences.ended_at is null or moments.happened_at < silences.ended_at)
    group by moments.customer_id, moments.happened_at
),

compared as (
    select
        *,
        lag(depth) over (partition by customer_id order by happened_at) as depth_before
    from depths
),

changes as (
    select * from compared
    where depth_before is null or depth <> depth_before
),

bounded as (
    select
        *,
        lead(happened_at) over (partition by customer_id order by happened_at) as until_at
    from changes
),

quiet as (
    select
        customer_id,
        depth as stage_rank,
        happened_at as from_at,
        until_at
    from bounded
    where depth > 0
),

back as (
    select
        bounded.customer_id,
        back_stage.stage_rank,
        bounded.happened_at as from_at,
        least(
            {{ days_later('bounded.happened_at', 'back_stage.stays_days') }},
            coalesce(bounded.until_at, timestamp '9999-12-31 00:00:00')
        ) as until_at
    from bounded
    inner join stages as before on bounded.depth_before = before.stage_rank
    inner join stages as back_stage on back_stage.sort = 'back'
    where bounded.depth = 0 and before.is_from
),

journey_overlays as (
    select * from quiet
    union all
    select * from back
)

select * from journey_overlays
