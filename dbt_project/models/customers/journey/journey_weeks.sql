-- Two figures of each stage and week, for each store and (store_id `*`) the company, beside their own history:
-- `conversion`: of the entries of a week, the share that went on (to anything but a quiet stage) within the stage's horizon; known
-- when the horizon of the whole week is over. `time`: the median seconds of the stays that ended in a week. A figure of fewer
-- entries than the document asks for is neither judged nor history.
with entries as (
    select * from {{ ref('journey_entries') }}
),

stages as (
    select * from {{ source('lake', 'journey_stages') }}
),

limits as (
    select * from {{ source('lake', 'journey_limits') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

stays as (
    select
        coalesce(entries.store_id, 'unknown') as store_id,
        entries.stage,
        {{ week_of(local_date('entries.entered_at', 'this_run.company_timezone')) }} as entry_week,
        case
            when entries.left_at is not null then {{ week_of(local_date('entries.left_at', 'this_run.company_timezone')) }}
        end as left_week,
        {{ epoch_seconds('entries.left_at') }} - {{ epoch_seconds('entries.entered_at') }} as seconds,
        stages.horizon_days,
        case when next_stages.sort <> 'quiet' then 1 else 0 end as goes_on
    from entries
    cross join this_run
    inner join stages on entries.stage = stages.stage
    left join stages as next_stages on entries.next_stage = next_stages.stage
),

everywhere as (
    select * from stays
    union all
    select
        '*' as store_id,
        stage,
        entry_week,
        left_week,
        seconds,
        horizon_days,
        goes_on
    from stays
),

conversions as (
    select
        everywhere.store_id,
        everywhere.stage,
        'conversion' as measure,
        everywhere.entry_week as week,
        count(*) as entries_count,
        {{ parts_in_a_million(
            'count(case when everywhere.goes_on = 1 and everywhere.seconds <= everywhere.horizon_days * 86400 then 1 end)', 'count(*)'
        ) }} as value
    from everywhere
    cross join this_run
    -- the last entry of the week has had its whole horizon; eight days, because a company's week may begin before UTC's
    where {{ days_later('cast(everywhere.entry_week as timestamp)', 'everywhere.horizon_days + 8') }} <= this_run.as_of
    group by everywhere.store_id, everywhere.stage, everywhere.entry_week
),

times as (
    select
        everywhere.store_id,
        everywhere.stage,
        'time' as measure,
        everywhere.left_week as week,
        count(*) as entries_count,
        {{ middle('everywhere.seconds') }} as value
    from everywhere
    cross join this_run
    where everywhere.left_week is not null
        and {{ days_later('cast(everywhere.left_week as timestamp)', '8') }} <= this_run.as_of
    group by everywhere.store_id, everywhere.stage, everywhere.left_week
),

figures as (
    select conversions.* from conversions
    cross join limits
    where conversions.entries_count >= limits.least_entries
    union all
    select times.* from times
    cross join limits
    where times.entries_count >= limits.least_entries
),

history as (
    select
        figures.store_id,
        figures.stage,
        figures.measure,
        figures.week,
        past.value
    from figures
    cross join limits
    inner join figures as past
        on figures.store_id = past.store_id
        and figures.stage = past.stage
        and figures.measure = past.measure
        and past.week < figures.week
        and {{ days_later('cast(past.week as timestamp)', 'limits.weeks * 7') }} >= cast(figures.week as timestamp)
),

medians as (
    select
        store_id,
        stage,
        measure,
        week,
        count(*) as weeks_count,
        {{ middle('value') }} as usual
    from history
    group by store_id, stage, measure, week
),

spreads as (
    select
        medians.store_id,
        medians.stage,
        medians.measure,
        medians.week,
        medians.weeks_count,
        medians.usual,
        {{ as_deviation(middle('abs(history.value - medians.usual)')) }} as deviation
    from medians
    inner join history
        on medians.store_id = history.store_id
        and medians.stage = history.stage
        and medians.measure = history.measure
        and medians.week = history.week
    group by medians.store_id, medians.stage, medians.measure, medians.week, medians.weeks_count, medians.usual
),

judged as (
    select
        figures.store_id,
        figures.stage,
        figures.measure,
        figures.week,
        figures.entries_count,
        coalesce(spreads.weeks_count, 0) as weeks_count,
        figures.value,
        case when spreads.weeks_count >= limits.least_weeks then spreads.usual end as usual,
        case
            when spreads.weeks_count >= limits.least_weeks
                then greatest(
                    spreads.deviation,
                    case
                        when figures.measure = 'conversion'
                            then {{ chance_of_share('spreads.usual', 'figures.entries_count') }}
                        else 0
                    end
                )
        end as deviation,
        limits.deviations_ppm,
        case
            when figures.measure = 'conversion' then limits.least_points_ppm
            else {{ integer_division('spreads.usual * limits.least_share_ppm', 1000000) }}
        end as least_change
    from figures
    cross join limits
    left join spreads
        on figures.store_id = spreads.store_id
        and figures.stage = spreads.stage
        and figures.measure = spreads.measure
        and figures.week = spreads.week
),

journey_weeks as (
    select
        week,
        store_id,
        stage,
        measure,
        entries_count,
        weeks_count,
        value,
        usual,
        deviation,
        coalesce(
            abs(value - usual) * 1000000 > deviation * deviations_ppm and abs(value - usual) >= least_change, false
        ) as is_alert
    from judged
)

select * from journey_weeks
