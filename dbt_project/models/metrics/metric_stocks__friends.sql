-- How many follow-ups stood at the end of a day or month, in the store in which the employee worked: they leave it with the
-- employee. A row stands on days on which the number changed: between two of them the earlier one holds.
with friend_spans as (
    select * from {{ ref('friend_spans') }}
),

facts as (
    select
        begun_on as metric_date,
        store_id,
        region,
        'wecom' as channel,
        1 as change
    from friend_spans
    union all
    select
        ended_on as metric_date,
        store_id,
        region,
        'wecom' as channel,
        -1 as change
    from friend_spans
    where ended_on is not null
),

changes as (
    {%- for dimension, place in metric_dimensions() %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ dimension }}' as dimension_kind,
        {{ place }} as dimension_id,
        metric_date,
        sum(change) as change
    from facts
    {%- if dimension != 'company' %}
    where {{ place }} is not null
    {%- endif %}
    group by metric_date{% if dimension != 'company' %}, {{ place }}{% endif %}
    having sum(change) <> 0
    {%- endfor %}
),

by_day as (
    select
        dimension_kind,
        dimension_id,
        metric_date,
        cast(sum(change) over (partition by dimension_kind, dimension_id order by metric_date) as bigint) as value
    from changes
),

stocks as (
    {%- for period, first_day in periods('metric_date') %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        'wecom_friends' as metric,
        '{{ period }}' as period_kind,
        {{ first_day }} as period_start,
        dimension_kind,
        dimension_id,
        max_by(value, metric_date) as value
    from by_day
    group by {{ first_day }}, dimension_kind, dimension_id
    {%- endfor %}
)

select * from stocks
