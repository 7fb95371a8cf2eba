{#- Process analytics, written once: customers' journeys and `scrm process` read it, tickets and flows will.

    A log is a relation with case_id, activity, happened_at (naive timestamp) and position (decides between events of one
    moment; the order of a file). Each macro gives one select; `steps` and `cases` name a relation that holds the result
    of process_steps and process_cases. Durations are exact whole microseconds; figures are seconds, DOUBLE at six places.
    Quantiles are interpolated (percentile_cont reads the same on both engines). -#}

{#- Grain: event. The columns of `keep`, case_id, activity, happened_at, step_no (from 1), next_activity and next_at (null at the
    end of a case), micros to the next event, working_micros: the part of it on Monday to Friday between `opens` and `closes`
    (whole hours of the column `clock`, by which people work; from 1970 on). With a column `started`, when work on an activity began
    that happened_at says is done: waiting_micros until the next one began, and the next one's work_micros; null where it is. -#}
{% macro process_steps(relation, keep=[], opens=none, closes=none, clock='happened_at', started=none) -%}
    select
        {%- for column in keep %}
        {{ column }},
        {%- endfor %}
        case_id,
        activity,
        next_activity,
        step_no,
        {{ epoch_micros('next_at') }} - {{ epoch_micros('happened_at') }} as micros,
        {%- if started is not none %}
        {{ epoch_micros('next_started_at') }} - {{ epoch_micros('happened_at') }} as waiting_micros,
        {{ epoch_micros('next_at') }} - {{ epoch_micros('next_started_at') }} as work_micros,
        {%- endif %}
        {%- if opens is not none %}
        {{ working_micros('next_clock', opens, closes) }} - {{ working_micros('this_clock', opens, closes) }} as working_micros,
        {%- endif %}
        happened_at,
        next_at
    from (
        select
            {%- for column in keep %}
            {{ column }},
            {%- endfor %}
            case_id,
            activity,
            happened_at,
            cast(row_number() over (partition by case_id order by happened_at, position) as bigint) as step_no,
            lead(activity) over (partition by case_id order by happened_at, position) as next_activity,
            {%- if started is not none %}
            lead({{ started }}) over (partition by case_id order by happened_at, position) as next_started_at,
            {%- endif %}
            {%- if opens is not none %}
            {{ clock }} as this_clock,
            lead({{ clock }}) over (partition by case_id order by happened_at, position) as next_clock,
            {%- endif %}
            lead(happened_at) over (partition by case_id order by happened_at, position) as next_at
        from {{ relation }}
    ) as ordered
{%- endmacro %}


{#- Microseconds of working time from Monday, 29 December 1969 to a moment: whole weeks, whole days of the week begun, and the part of
    the day. The difference of two of them is the working time between. -#}
{% macro working_micros(moment, opens, closes) -%}
    {%- set micros = epoch_micros(moment) -%}
    {%- set day = '(' ~ integer_division(micros, 86400000000) ~ ' + 3)' -%}
    {%- set week = integer_division(day, 7) -%}
    {%- set weekday = '(' ~ day ~ ' - ' ~ week ~ ' * 7)' -%}
    {%- set open_micros = (closes - opens) * 3600000000 -%}
    (
        ({{ week }} * 5 + least({{ weekday }}, 5)) * {{ open_micros }}
        + case
            when {{ weekday }} < 5
                then greatest(least({{ micros }} - ({{ day }} - 3) * 86400000000 - {{ opens * 3600000000 }}, {{ open_micros }}), 0)
            else 0
        end
    )
{%- endmacro %}


{#- Grain: case_id. first_at, last_at, events_count, activities_count (different ones), start_activity, end_activity, has_rework (an
    activity came twice), micros from the first event to the last, variant: a number that stands for the sequence of activities,
    as text (the sum of 60 bits of a hash of each place and activity, so that no list has to be built). -#}
{% macro process_cases(steps, working=false) -%}
    select
        case_id,
        max(case when step_no = 1 then activity end) as start_activity,
        max(case when next_activity is null then activity end) as end_activity,
        cast(sum(cast({{ content_number(['step_no', 'activity']) }} as {{ wide_integer() }})) as string) as variant,
        count(*) as events_count,
        count(distinct activity) as activities_count,
        cast(coalesce(sum(micros), 0) as bigint) as micros,
        {%- if working %}
        cast(coalesce(sum(working_micros), 0) as bigint) as working_micros,
        {%- endif %}
        count(*) > count(distinct activity) as has_rework,
        min(happened_at) as first_at,
        max(happened_at) as last_at
    from {{ steps }}
    group by case_id
{%- endmacro %}


{#- The body of a figure: mean, median, p90 and longest of a column of microseconds, in seconds. -#}
{% macro process_durations(micros) -%}
    {{ six_places('cast(sum(cast(' ~ micros ~ ' as ' ~ wide_integer() ~ ')) as double) / count(' ~ micros ~ ') / 1000000') }} as mean_seconds,
    {{ six_places('percentile_cont(0.5) within group (order by ' ~ micros ~ ') / 1000000') }} as median_seconds,
    {{ six_places('percentile_cont(0.9) within group (order by ' ~ micros ~ ') / 1000000') }} as p90_seconds,
    {{ six_places('cast(max(' ~ micros ~ ') as double) / 1000000') }} as longest_seconds
{%- endmacro %}


{#- One row: how many cases, events and variants, cases with rework, and how long cases took. `micros`: which time is meant. -#}
{% macro process_throughput(cases, micros='micros') -%}
    select
        count(*) as cases_count,
        cast(coalesce(sum(events_count), 0) as bigint) as events_count,
        count(distinct variant) as variants_count,
        count(case when has_rework then 1 end) as rework_cases,
        {{ process_durations(micros) }}
    from {{ cases }}
{%- endmacro %}


{#- Grain: (groups, activity, next_activity), what directly follows what: times_count, cases_count, durations, and share: of all the
    time of the group, that which passed between the two. `micros`: of which time; steps without it are left out. -#}
{% macro process_edges(steps, groups=[], micros='micros') -%}
    {%- set summed = 'cast(sum(cast(' ~ micros ~ ' as ' ~ wide_integer() ~ ')) as double)' -%}
    select
        {%- for column in groups %}
        {{ column }},
        {%- endfor %}
        activity,
        next_activity,
        count(*) as times_count,
        count(distinct case_id) as cases_count,
        {{ process_durations(micros) }},
        {{ six_places('coalesce(' ~ summed ~ ' / nullif(sum(' ~ summed ~ ') over ' ~ process_window(groups) ~ ', 0), 0)') }} as share
    from {{ steps }}
    where next_activity is not null and {{ micros }} is not null
    group by {% for column in groups %}{{ column }}, {% endfor %}activity, next_activity
{%- endmacro %}

{% macro process_window(groups, order=none) -%}
    ({% if groups %}partition by {{ groups | join(', ') }}{% endif %}{% if order %} order by {{ order }}{% endif %})
{%- endmacro %}


{#- Grain: activity. cases_count, rework_cases (it came more than once), repeats_count (how often beyond the first). -#}
{% macro process_rework(steps) -%}
    select
        activity,
        count(*) as cases_count,
        count(case when times_count > 1 then 1 end) as rework_cases,
        cast(sum(times_count - 1) as bigint) as repeats_count
    from (
        select
            case_id,
            activity,
            count(*) as times_count
        from {{ steps }}
        group by case_id, activity
    ) as counted
    group by activity
{%- endmacro %}


{#- Grain: variant. cases_count, events_count of one case, example_case_id, durations. -#}
{% macro process_variants(cases, micros='micros') -%}
    select
        variant,
        min(case_id) as example_case_id,
        count(*) as cases_count,
        max(events_count) as events_count,
        {{ process_durations(micros) }}
    from {{ cases }}
    group by variant
{%- endmacro %}


{#- Grain: (place, activity), place is start or end: cases_count. -#}
{% macro process_ends(cases) -%}
    select
        'start' as place,
        start_activity as activity,
        count(*) as cases_count
    from {{ cases }}
    group by start_activity
    union all
    select
        'end' as place,
        end_activity as activity,
        count(*) as cases_count
    from {{ cases }}
    group by end_activity
{%- endmacro %}


{#- Grain: (groups, activity, next_activity), where time is lost. `targets`: activity, next_activity (null: whatever follows), bigint
    target_seconds (null: none), waits_for (null: the work itself; customer; administration), at most one row each; an edge's own
    row goes before that of its activity.

    times_count, late_count (above the target), target_seconds, durations, share, excess_seconds: the sum of what each case took
    above the target (without one: all its time, or nothing when `untargeted` is false), the figure that ranks: a long mean of few
    cases is not the bottleneck. Ranks count from 1 within the group and within what is waited for: work is not compared with a customer's silence, nor with a
    period that somebody laid down. -#}
{% macro process_bottlenecks(steps, targets, groups=[], micros='micros', untargeted=true) -%}
    {%- set summed = 'cast(sum(cast(duration as ' ~ wide_integer() ~ ')) as double)' -%}
    {%- set ranked = process_window(groups + ['waits_for'], 'excess_seconds desc, times_count desc, activity, next_activity') -%}
    select
        *,
        cast(row_number() over {{ ranked }} as bigint) as place
    from (
        select
            {%- for column in groups %}
            {{ column }},
            {%- endfor %}
            activity,
            next_activity,
            waits_for,
            count(*) as times_count,
            count(case when duration > target_seconds * 1000000 then 1 end) as late_count,
            max(target_seconds) as target_seconds,
            {{ process_durations('duration') }},
            {{ six_places('coalesce(' ~ summed ~ ' / nullif(sum(' ~ summed ~ ') over ' ~ process_window(groups) ~ ', 0), 0)') }} as share,
            {{ six_places('cast(sum(cast(excess as ' ~ wide_integer() ~ ')) as double) / 1000000') }} as excess_seconds
        from (
            select
                {%- for column in groups %}
                steps.{{ column }},
                {%- endfor %}
                steps.activity,
                steps.next_activity,
                coalesce(own.waits_for, of_activity.waits_for, 'work') as waits_for,
                coalesce(own.target_seconds, of_activity.target_seconds) as target_seconds,
                steps.{{ micros }} as duration,
                greatest(
                    {%- if untargeted %}
                    steps.{{ micros }} - coalesce(own.target_seconds, of_activity.target_seconds, 0) * 1000000, 0
                    {%- else %}
                    coalesce(steps.{{ micros }} - coalesce(own.target_seconds, of_activity.target_seconds) * 1000000, 0), 0
                    {%- endif %}
                ) as excess
            from {{ steps }} as steps
            left join {{ targets }} as own
                on steps.activity = own.activity
                and steps.next_activity = own.next_activity
            left join {{ targets }} as of_activity
                on steps.activity = of_activity.activity
                and of_activity.next_activity is null
            where steps.next_activity is not null
        ) as measured
        group by {% for column in groups %}{{ column }}, {% endfor %}activity, next_activity, waits_for
    ) as summed
{%- endmacro %}


{#- One row. `deadlines`: case_id, deadline, ended_at (either may be null). cases_count, dated_count (with a deadline), last_event_late
    (the last event came after it), ended_count (with a deadline and an end that is stated), ended_late. -#}
{% macro process_deadlines(cases, deadlines) -%}
    select
        count(*) as cases_count,
        count(deadlines.deadline) as dated_count,
        count(case when cases.last_at > deadlines.deadline then 1 end) as last_event_late,
        count(case when deadlines.deadline is not null then deadlines.ended_at end) as ended_count,
        count(case when deadlines.ended_at > deadlines.deadline then 1 end) as ended_late
    from {{ cases }} as cases
    left join {{ deadlines }} as deadlines on cases.case_id = deadlines.case_id
{%- endmacro %}
