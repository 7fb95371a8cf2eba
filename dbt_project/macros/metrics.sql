{#- What all models of metrics share. -#}

{#- The civil day of a moment: in the time zone of the fact's store, of the company where there is none. Reads `stores`
    (joined, may be null) and `this_run`. -#}
{% macro civil_day(moment) -%}
    {{ local_date(moment, 'coalesce(stores.timezone, this_run.company_timezone)') }}
{%- endmacro %}


{#- A customer as a number: compared and counted faster than the id, which is a letter and fifteen hexadecimal digits. -#}
{% macro customer_number(customer_id) -%}
    {{ hex_number('substr(' ~ customer_id ~ ', 2)') }}
{%- endmacro %}


{#- Counted days with the region of their store as it was on that day: null where the fact has no store. Reads `store_periods`. -#}
{% macro in_their_region(days) -%}
    select
        {{ days }}.*,
        places.region
    from {{ days }}
    left join store_periods as places
        on {{ days }}.store_id = places.store_id
        and places.valid_from <= {{ days }}.metric_date
        and {{ days }}.metric_date < places.valid_to
{%- endmacro %}


{#- Wide daily figures as one row a metric: `measures` are columns of `days`, each named as its metric; days without it
    are left out. `places`: which of store_id, region, channel, party_role the days know, the others are empty; `currency`: whether they have
    one. One scan: the names are crossed with the days. -#}
{% macro one_row_a_metric(days, measures, places, currency=true) -%}
    select * from (
        select
            names.metric,
            days.metric_date,
            {%- for place in ['store_id', 'region', 'channel', 'party_role'] %}
            {% if place in places %}coalesce(days.{{ place }}, ''){% else %}''{% endif %} as {{ place }},
            {%- endfor %}
            {% if currency %}days.currency{% else %}''{% endif %} as currency,
            cast(case names.metric
                {%- for measure in measures %}
                when '{{ measure }}' then days.{{ measure }}
                {%- endfor %}
            end as bigint) as value
        from {{ days }} as days
        cross join (
            {%- for measure in measures %}
            {% if not loop.first %}union all {% endif %}select '{{ measure }}' as metric
            {%- endfor %}
        ) as names
    ) as tidy
    where value <> 0
{%- endmacro %}


{#- The periods of which figures are kept: name, and the first day of the one in which a date lies. -#}
{% macro periods(date) -%}
    {{ return([('day', date), ('month', "cast(date_trunc('month', " ~ date ~ ") as date)")]) }}
{%- endmacro %}


{#- The dimensions of which figures are kept: name, and the column that tells which one; the company is one. -#}
{% macro metric_dimensions() -%}
    {{ return([('company', "''"), ('store', 'store_id'), ('region', 'region'), ('channel', 'channel')]) }}
{%- endmacro %}
