{#- So many days of 24 hours after a naive UTC moment; the number may be a column. -#}
{% macro days_later(moment, days) -%}
    ({{ moment }} + ({{ days }}) * interval 1 day)
{%- endmacro %}


{#- Those of whom a quiet stage may have begun since the run before: something of them is so many days old now. -#}
{% macro fallen_silent() -%}
    select told.customer_id
    from {{ ref('interactions') }} as told
    cross join changes.moments
    inner join {{ source('lake', 'journey_stages') }} as stages
        on told.occurred_at >= moments.earlier - stages.quiet_days * interval 1 day
        and told.occurred_at < moments.as_of - stages.quiet_days * interval 1 day
{%- endmacro %}


{#- The Monday of a date's week, the first of its month. -#}
{% macro week_of(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}

{% macro month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}


{#- Which share of a count in millionths, BIGINT, cut down; null of nothing. -#}
{% macro parts_in_a_million(part, whole) -%}
    case
        when {{ whole }} > 0
            then cast({{ integer_division('cast(' ~ part ~ ' as ' ~ wide_integer() ~ ') * 1000000', whole) }} as bigint)
    end
{%- endmacro %}


{#- The interpolated median of a BIGINT column in a group, BIGINT, half up. -#}
{% macro middle(value) -%}
    cast(floor(percentile_cont(0.5) within group (order by {{ value }}) + cast(0.5 as double)) as bigint)
{%- endmacro %}


{#- What a robust standard deviation is at least, by chance alone: of a share of n (both in millionths) the sampling error. The
    measure of time has none. -#}
{% macro chance_of_share(share_ppm, entries) -%}
    cast(sqrt(cast({{ share_ppm }} as double) * (1000000 - {{ share_ppm }}) / {{ entries }}) as bigint)
{%- endmacro %}

{#- A median absolute deviation as a standard deviation of the normal distribution (x 1.4826). -#}
{% macro as_deviation(absolute) -%}
    cast({{ absolute }} * 1.4826 as bigint)
{%- endmacro %}


{#- Months from the first day of a month to that of a later one, INT. -#}
{% macro months_between(earlier, later) -%}
    cast(
        (extract(year from {{ later }}) - extract(year from {{ earlier }})) * 12
        + extract(month from {{ later }}) - extract(month from {{ earlier }}) as int
    )
{%- endmacro %}


{#- A number as the nearest whole one, half up, BIGINT. -#}
{% macro whole(number) -%}
    cast(floor(cast({{ number }} as double) + cast(0.5 as double)) as bigint)
{%- endmacro %}
