{#- The grain of a model (`meta.grain`: its columns), held as its key: no row twice, no part of it null. A model of which it does
    not hold has failed, and nothing is built upon it. A part of building it and no test beside it: a test node costs fifty
    milliseconds of dbt's and Dagster's time however few the rows, 180 of them a quarter of a small company's run. -#}
{% macro hold_grain() -%}
    {%- set columns = model.config.meta.get('grain') -%}
    {%- if execute and columns %}
        {%- set found = run_query(keys_out_of_grain(this, columns)).rows[0][0] %}
        {%- if found %}
            {{ exceptions.raise_compiler_error('The grain (' ~ columns | join(', ') ~ ') does not hold: ' ~ found ~ ' of its keys stand in several rows or are null') }}
        {%- endif %}
    {%- endif %}
{%- endmacro %}

{#- How many keys stand in more than one row, or have a part that is null. -#}
{% macro keys_out_of_grain(table, columns) -%}
    select count(*)
    from (
        select 1
        from {{ table }}
        group by {{ columns | join(', ') }}
        having count(*) > 1 {%- for column in columns %} or {{ column }} is null {%- endfor %}
    ) as found
{%- endmacro %}
