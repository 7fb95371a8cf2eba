{%- set touched_periods = [] -%}
{%- for period, first_day in periods('metric_date') -%}
    {%- do touched_periods.append(changed(ref('interaction_days'), ["'" ~ period ~ "'", first_day])) -%}
{%- endfor -%}
{{ config(materialized='incremental_by_key', by=['period_kind', 'period_start']) }}
{{ touched(touched_periods) }}
-- Customers who did something themselves. They do not add up over days or places: each count is made by itself.
with active_days as (
    select * from {{ ref('interaction_days') }}
    where own_acts > 0
),
{% for period, first_day in periods('metric_date') %}
{%- for dimension, place in metric_dimensions() %}
{{ dimension }}_{{ period }}_actives as (
    select
        {{ first_day }} as period_start,
        {{ place }} as dimension_id,
        customer_number
    from active_days
    {{ only_touched(["'" ~ period ~ "'", first_day]) }}
    {%- if dimension != 'company' %}
    where {{ place }} <> ''
    {%- endif %}
    group by {{ first_day }}{% if dimension != 'company' %}, {{ place }}{% endif %}, customer_number
),
{% endfor %}
{%- endfor %}
metric_counts as (
    {%- for period, _ in periods('metric_date') %}
    {%- set outer_loop = loop %}
    {%- for dimension, _ in metric_dimensions() %}
    {%- if not (outer_loop.first and loop.first) %}
    union all
    {%- endif %}
    select
        'active_customers' as metric,
        '{{ period }}' as period_kind,
        period_start,
        '{{ dimension }}' as dimension_kind,
        dimension_id,
        count(*) as value
    from {{ dimension }}_{{ period }}_actives
    group by period_start, dimension_id
    {%- endfor %}
    {%- endfor %}
)

select * from metric_counts
