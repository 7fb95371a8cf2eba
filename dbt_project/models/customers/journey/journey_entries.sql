{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched([
    changed(ref('interactions'), ['customer_id']),
    changed(ref('journey_steps'), ['customer_id']),
    changed(ref('journey_overlays'), ['customer_id']),
    reached(ref('journey_overlays'), ['customer_id'], 'until_at'),
]) }}
-- Each stay of a customer in a stage. A stay begins when a step higher than all before is opened and nothing lies over the steps,
-- when something begins to lie over them, and when it ends. Of one moment the state after all of it counts, so moments of one
-- customer differ. Nothing here looks ahead: a run of an earlier day gives the same stays up to its day, left open there.
with steps as (
    select told.* from {{ ref('journey_steps') }} as told
    {{ only_touched(['told.customer_id']) }}
),

overlays as (
    select told.* from {{ ref('journey_overlays') }} as told
    {{ only_touched(['told.customer_id']) }}
),

interactions as (
    select told.* from {{ ref('interactions') }} as told
    {{ only_touched(['told.customer_id']) }}
),

stages as (
    select * from {{ source('lake', 'journey_stages') }}
),

rules as (
    select * from {{ source('lake', 'journey_rules') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

happenings as (
    select
        customer_id,
        reached_at as happened_at,
        stage_rank as step_rank,
        cast(null as int) as overlay_rank,
        cast(null as timestamp) as covered_until
    from steps
    union all
    select
        customer_id,
        from_at as happened_at,
        cast(null as int) as step_rank,
        stage_rank as overlay_rank,
        coalesce(until_at, timestamp '9999-12-31 00:00:00') as covered_until
    from overlays
    union all
    select
        overlays.customer_id,
        overlays.until_at as happened_at,
        cast(null as int) as step_rank,
        cast(null as int) as overlay_rank,
        cast(null as timestamp) as covered_until
    from overlays
    cross join this_run
    where overlays.until_at < this_run.as_of
),

moments as (
    select
        customer_id,
        happened_at,
        max(step_rank) as step_rank,
        max(overlay_rank) as overlay_rank,
        max(covered_until) as covered_until
    from happenings
    group by customer_id, happened_at
),

-- segments do not overlap, so the latest end of those begun is the end of the last one
standing as (
    select
        customer_id,
        happened_at,
        overlay_rank,
        coalesce(max(step_rank) over (partition by customer_id order by happened_at), 1) as highest_step,
        max(covered_until) over (partition by customer_id order by happened_at) as covered_until
    from moments
),

states as (
    select
        customer_id,
        happened_at,
        coalesce(overlay_rank, highest_step) as stage_rank
    from standing
    where overlay_rank is not null or covered_until is null or covered_until <= happened_at
),

compared as (
    select
        *,
        lag(stage_rank) over (partition by customer_id order by happened_at) as rank_before
    from states
),

stays as (
    select
        compared.customer_id,
        stages.stage,
        compared.stage_rank,
        cast(row_number() over (partition by compared.customer_id order by compared.happened_at) as bigint) as entry_no,
        compared.happened_at as entered_at
    from compared
    inner join stages on compared.stage_rank = stages.stage_rank
    where compared.rank_before is null or compared.stage_rank <> compared.rank_before
),

-- What opened a stay: of the interactions of its moment the one that its rules name first. Time alone opens none.
causes as (
    select
        stays.customer_id,
        stays.entry_no,
        interactions.kind,
        interactions.object_id,
        interactions.store_id
    from stays
    inner join interactions
        on stays.customer_id = interactions.customer_id
        and stays.entered_at = interactions.occurred_at
    inner join rules
        on stays.stage = rules.stage
        and interactions.kind = rules.kind
    where rules.part in ('enter', 'left', 'touch')
    qualify row_number() over (
        partition by stays.customer_id, stays.entry_no
        order by
            case rules.part when 'enter' then 1 when 'left' then 2 else 3 end,
            rules.alternative,
            rules.condition desc,
            rules.kind_place,
            interactions.object_id
    ) = 1
),

caused as (
    select
        stays.*,
        causes.kind as cause_kind,
        causes.object_id as cause_object_id,
        causes.store_id as cause_store_id,
        count(causes.store_id) over (partition by stays.customer_id order by stays.entry_no) as stores_seen
    from stays
    left join causes
        on stays.customer_id = causes.customer_id
        and stays.entry_no = causes.entry_no
),

-- a stay without a store of its own is where the customer was before
placed as (
    select
        *,
        max(cause_store_id) over (partition by customer_id, stores_seen) as store_id
    from caused
),

journey_entries as (
    select
        customer_id,
        stage,
        lag(stage) over (partition by customer_id order by entry_no) as previous_stage,
        lead(stage) over (partition by customer_id order by entry_no) as next_stage,
        store_id,
        lead(store_id) over (partition by customer_id order by entry_no) as next_store_id,
        cause_kind,
        cause_object_id,
        stage_rank,
        entry_no,
        entered_at,
        lead(entered_at) over (partition by customer_id order by entry_no) as left_at
    from placed
)

select * from journey_entries
