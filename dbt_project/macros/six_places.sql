{#- A floating number at six places, half up, the same bits on both engines. Their own round() is not: DuckDB scales the
    binary number, Spark rounds its shortest decimal text, and 0.0000005 of a day is a time that events really have. -#}
{% macro six_places(number) -%}
    cast(floor(cast({{ number }} as double) * 1000000 + cast(0.5 as double)) as double) / 1000000
{%- endmacro %}
