-- How customers left a stage, by the week in which they had entered it and by the whole days they stayed: from it come conversion,
-- drop-off and the median time of any stores and any period. next_stage is `none` for who is still there; days are then those so far.
with entries as (
    select * from {{ ref('journey_entries') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

stays as (
    select
        {{ week_of(local_date('entries.entered_at', 'this_run.company_timezone')) }} as entry_week,
        coalesce(entries.store_id, 'unknown') as store_id,
        entries.stage,
        coalesce(entries.next_stage, 'none') as next_stage,
        {{ epoch_seconds('coalesce(entries.left_at, this_run.as_of)') }} - {{ epoch_seconds('entries.entered_at') }} as seconds
    from entries
    cross join this_run
),

whole_days as (
    select
        entry_week,
        store_id,
        stage,
        next_stage,
        {{ integer_division('seconds', 86400) }} as days,
        seconds
    from stays
),

journey_transitions as (
    select
        entry_week,
        store_id,
        stage,
        next_stage,
        days,
        count(*) as entries_count,
        cast(sum(seconds) as bigint) as seconds_sum
    from whole_days
    group by entry_week, store_id, stage, next_stage, days
)

select * from journey_transitions
