{#- Division of money. The only place where two integers are divided: the operators of the engines differ (DuckDB's slash
    gives a floating number, Spark knows no double slash), and no amount may pass through a floating number. Both
    arguments must be integers that are not negative, the divisor not zero; the sign of an amount is handled apart. -#}
{% macro integer_division(dividend, divisor) -%}
    {{ return(adapter.dispatch('integer_division', 'siyu')(dividend, divisor)) }}
{%- endmacro %}

{% macro default__integer_division(dividend, divisor) -%}
    (({{ dividend }}) div ({{ divisor }}))
{%- endmacro %}

{% macro duckdb__integer_division(dividend, divisor) -%}
    divide({{ dividend }}, {{ divisor }})
{%- endmacro %}


{#- An integer type that holds the product of two amounts. BIGINT holds amount x parts in a million up to 9 x 10^12 minor
    units; two amounts multiplied leave it at 3 x 10^9. -#}
{% macro wide_integer() -%}
    {{ return(adapter.dispatch('wide_integer', 'siyu')()) }}
{%- endmacro %}

{% macro default__wide_integer() -%}
    decimal(38, 0)
{%- endmacro %}

{% macro duckdb__wide_integer() -%}
    hugeint
{%- endmacro %}
