{#- The only places where DuckDB and Spark need different words. Everything else in this project is SQL that both read. -#}

{#- The calendar day on which a naive UTC moment falls in an IANA time zone. -#}
{% macro local_date(moment, zone) -%}
    {{ return(adapter.dispatch('local_date', 'siyu')(moment, zone)) }}
{%- endmacro %}

{% macro default__local_date(moment, zone) -%}
    cast(from_utc_timestamp({{ moment }}, {{ zone }}) as date)
{%- endmacro %}

{% macro duckdb__local_date(moment, zone) -%}
    cast(timezone({{ zone }}, timezone('UTC', {{ moment }})) as date)
{%- endmacro %}


{#- Whole seconds since 1970 of a naive UTC moment, BIGINT. -#}
{% macro epoch_seconds(moment) -%}
    {{ return(adapter.dispatch('epoch_seconds', 'siyu')(moment)) }}
{%- endmacro %}

{% macro default__epoch_seconds(moment) -%}
    unix_seconds({{ moment }})
{%- endmacro %}

{% macro duckdb__epoch_seconds(moment) -%}
    date_diff('second', timestamp '1970-01-01 00:00:00', {{ moment }})
{%- endmacro %}


{#- Whole days from one date to a later one, BIGINT. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between', 'siyu')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    cast(datediff({{ later }}, {{ earlier }}) as bigint)
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}


{#- Up to 15 hex digits as a number, BIGINT. -#}
{% macro hex_number(digits) -%}
    {{ return(adapter.dispatch('hex_number', 'siyu')(digits)) }}
{%- endmacro %}

{% macro default__hex_number(digits) -%}
    cast(conv({{ digits }}, 16, 10) as bigint)
{%- endmacro %}

{% macro duckdb__hex_number(digits) -%}
    cast('0x' || {{ digits }} as bigint)
{%- endmacro %}


{#- What a sentence needs, as a JSON object in text: {'product': expression, ...}. A null stays a null in it. -#}
{% macro arguments(named) -%}
    {{ return(adapter.dispatch('arguments', 'siyu')(named)) }}
{%- endmacro %}

{% macro default__arguments(named) -%}
    to_json(named_struct(
        {%- for name, value in named.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor -%}
    ), map('ignoreNullFields', 'false'))
{%- endmacro %}

{% macro duckdb__arguments(named) -%}
    cast(json_object(
        {%- for name, value in named.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor -%}
    ) as string)
{%- endmacro %}
