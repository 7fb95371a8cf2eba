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


{#- The moment, naive UTC, at which a calendar day begins in an IANA time zone. -#}
{% macro day_start(day, zone) -%}
    {{ return(adapter.dispatch('day_start', 'siyu')(day, zone)) }}
{%- endmacro %}

{% macro default__day_start(day, zone) -%}
    cast(to_utc_timestamp(cast({{ day }} as timestamp), {{ zone }}) as timestamp_ntz)
{%- endmacro %}

{% macro duckdb__day_start(day, zone) -%}
    timezone('UTC', timezone({{ zone }}, cast({{ day }} as timestamp)))
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


{#- Whole microseconds since 1970 of a naive UTC moment, BIGINT. -#}
{% macro epoch_micros(moment) -%}
    {{ return(adapter.dispatch('epoch_micros', 'siyu')(moment)) }}
{%- endmacro %}

{% macro default__epoch_micros(moment) -%}
    unix_micros({{ moment }})
{%- endmacro %}

{% macro duckdb__epoch_micros(moment) -%}
    epoch_us({{ moment }})
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


{#- A number that is equal for equal values of some columns. Each engine has its own: it may decide what is compared, never what
    comes out. -#}
{% macro key_hash(columns) -%}
    {{ return(adapter.dispatch('key_hash', 'siyu')(columns)) }}
{%- endmacro %}

{% macro default__key_hash(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}

{% macro duckdb__key_hash(columns) -%}
    hash({{ columns | join(', ') }})
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


{#- Values side by side as one, {'name': expression, ...}: compared from left to right, each read again by its name. None that
    decides may be null: the engines put nulls in other places. -#}
{% macro side_by_side(named) -%}
    {{ return(adapter.dispatch('side_by_side', 'siyu')(named)) }}
{%- endmacro %}

{% macro default__side_by_side(named) -%}
    named_struct({% for name, value in named.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro duckdb__side_by_side(named) -%}
    struct_pack({% for name, value in named.items() %}{{ name }} := {{ value }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
