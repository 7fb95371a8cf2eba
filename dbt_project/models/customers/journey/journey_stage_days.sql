-- Days on which somebody entered or left a stage: a stage, store and day without a row is as it was on the newest row before it.
-- Days are those of the company's calendar. Who leaves counts where they had entered, so that `present` is never of two stores.
with entries as (
    select * from {{ ref('journey_entries') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

moves as (
    select
        {{ local_date('entries.entered_at', 'this_run.company_timezone') }} as metric_date,
        entries.stage,
        coalesce(entries.store_id, 'unknown') as store_id,
        1 as entered,
        0 as gone
    from entries
    cross join this_run
    union all
    select
        {{ local_date('entries.left_at', 'this_run.company_timezone') }} as metric_date,
        entries.stage,
        coalesce(entries.store_id, 'unknown') as store_id,
        0 as entered,
        1 as gone
    from entries
    cross join this_run
    where entries.left_at is not null
),

days as (
    select
        metric_date,
        stage,
        store_id,
        cast(sum(entered) as bigint) as entered_count,
        cast(sum(gone) as bigint) as left_count
    from moves
    group by metric_date, stage, store_id
),

journey_stage_days as (
    select
        *,
        cast(sum(entered_count - left_count) over (partition by stage, store_id order by metric_date) as bigint) as present_count
    from days
)

select * from journey_stage_days
