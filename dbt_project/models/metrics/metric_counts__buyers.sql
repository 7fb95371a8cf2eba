-- Buyers of a period do not add up to those of a longer or wider one: each is counted by itself. New: bought for the first
-- time, anywhere in the company, inside the period; the others bought before it began.
with buyer_days as (
    select * from {{ ref('buyer_days') }}
),
{% for period, first_day in periods('metric_date') %}
{%- for dimension, place in metric_dimensions() %}
{{ dimension }}_{{ period }}_buyers as (
    select
        {{ first_day }} as period_start,
        {{ place }} as dimension_id,
        customer_number,
        min(first_bought_on) as first_bought_on
    from buyer_days
    group by {{ first_day }}{% if dimension != 'company' %}, {{ place }}{% endif %}, customer_number
),
{% endfor %}
{%- endfor %}
counted as (
    {%- for period, _ in periods('metric_date') %}
    {%- set outer_loop = loop %}
    {%- for dimension, _ in metric_dimensions() %}
    {%- if not (outer_loop.first and loop.first) %}
    union all
    {%- endif %}
    select
        '{{ period }}' as period_kind,
        period_start,
        '{{ dimension }}' as dimension_kind,
        dimension_id,
        count(*) as buyers,
        count(case when first_bought_on >= period_start then 1 end) as new_buyers,
        count(case when first_bought_on < period_start then 1 end) as returning_buyers
    from {{ dimension }}_{{ period }}_buyers
    group by period_start, dimension_id
    {%- endfor %}
    {%- endfor %}
),

metric_counts as (
    select
        names.metric,
        counted.period_kind,
        counted.period_start,
        counted.dimension_kind,
        counted.dimension_id,
        case names.metric
            when 'buyers' then counted.buyers
            when 'new_buyers' then counted.new_buyers
            when 'returning_buyers' then counted.returning_buyers
        end as value
    from counted
    cross join (
        select 'buyers' as metric
        union all select 'new_buyers' as metric
        union all select 'returning_buyers' as metric
    ) as names
)

select * from metric_counts
where value <> 0
