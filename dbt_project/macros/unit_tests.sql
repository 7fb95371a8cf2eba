{#- dbt asks the database for the columns of a unit test's input. The inputs of the lake are files and not relations, so
    dbt-duckdb finds none; their types are read from the files' contracts here. Every other relation goes the usual way.
    Exit: when dbt-duckdb describes sources with an external location. -#}
{% macro duckdb__get_columns_in_relation(relation) -%}
    {%- if relation.schema == 'lake' -%}
        {%- set described = "select * from read_parquet('" ~ env_var('SCRM_BUILDING') ~ "/inputs/" ~ relation.identifier
            ~ "/*.parquet', union_by_name=true, hive_partitioning=false)" -%}
    {%- else -%}
        {%- set described = relation.render() -%}
    {%- endif -%}
    {%- call statement('get_columns_in_relation', fetch_result=True) %}
        select
            column_name,
            column_type as data_type,
            cast(null as bigint) as character_maximum_length,
            cast(null as bigint) as numeric_precision,
            cast(null as bigint) as numeric_scale
        from (describe {{ described }})
    {%- endcall -%}
    {{ return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) }}
{%- endmacro %}
