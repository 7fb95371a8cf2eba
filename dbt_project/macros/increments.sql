{#- Builds that go on from the run before (docs/decisions/0013-builds-that-go-on.md). Such a run begins with a copy of that run's
    tables; `vars.before` says where the original is. A model that is materialized `incremental_by_key` builds anew only the rows of keys
    of which something changed. What changed of every table that such a model reads is kept in schema `changes`: the rows that left
    and the rows that came.

    A model says by itself which keys those are, by `touched`, and where rows of other keys may be left out, by `only_touched`. Both are
    comments in the statement that dbt compiles (the keys line by line: a path may hold what ends a comment), so that a whole build,
    and another engine, run the plain statement; the materialization puts words in their place. Columns of `by` are never null. -#}

{#- Statements whose union gives the keys that are to be built anew, with the columns of the model's `by`. To be called in the body of
    the model. -#}
{% macro touched(keys) -%}
    {%- for statement in keys %}
        {%- for line in statement.strip().split('\n') %}
--keys {{ line }}
        {%- endfor %}
--keys {{ '' if loop.last else 'union' }}
    {%- endfor %}
{% endmacro %}


{#- The keys of rows of a table that left or came. `columns`: expressions over its columns, in the order of `by`. -#}
{% macro changed(table, columns) -%}
    select {{ columns | join(', ') }} from changes.{{ table.identifier }}
{%- endmacro %}


{#- The keys of rows that meet a changed row of another table, by columns that both have. -#}
{% macro meets_changed(rows, columns, table, on) -%}
    select {% for column in columns %}met.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ rows }} as met
    semi join changes.{{ table.identifier }} as moved on {% for column in on -%}
        met.{{ column }} = moved.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#- The keys of which something landed since the run before, and those on which the time between the two works: `times` are
    the columns that a model compares with as_of. -#}
{% macro landed_since(rows, columns, times=[]) -%}
    select {{ columns | join(', ') }}
    from {{ rows }}
    where _batch in (select batch from changes.new_batches)
    {%- for time in times %}
    union
    {{ reached(rows, columns, time) }}
    {%- endfor %}
{%- endmacro %}


{#- The keys of rows that the time between the two runs reached. -#}
{% macro reached(rows, columns, time) -%}
    select {{ columns | join(', ') }}
    from {{ rows }}
    where {{ time }} >= (select earlier from changes.moments) and {{ time }} < (select as_of from changes.moments)
{%- endmacro %}


{#- Where rows of other keys may be left out: behind a from or join clause. `columns`: where the key stands there, in the order
    of `by`. -#}
{% macro only_touched(columns) -%}
/*touched {{ columns | join(' | ') }}*/
{%- endmacro %}


{#- Words that only a build that goes on puts here: they may name tables of schema `changes`. -#}
{% macro only_going_on(words) -%}
/*going on {{ words }}*/
{%- endmacro %}


{#- The path of the run before, empty in a whole build. -#}
{% macro before() -%}
    {{ return(var('before', '')) }}
{%- endmacro %}


{#- At the start of an invocation: the run before beside this one, and what changed of tables that steps in Python wrote for models
    that go on by key. -#}
{% macro open_before() -%}
    {%- if execute and before() %}
        {%- do run_query("attach if not exists '" ~ before() | replace("'", "''") ~ "' as before (read_only)") %}
        {%- for name in ['identity_observations', 'identity_owners', 'persona_customers'] %}
            {%- do note_changes(name) %}
        {%- endfor %}
    {%- endif %}
{%- endmacro %}

{% macro note_changes(name) -%}
    {%- set places = [] -%}
    {%- for folder in (modules.re.sub('/[^/]*$', '', before()), env_var('SCRM_BUILDING')) -%}
        {%- set place = "'" ~ (folder ~ '/inputs/' ~ name ~ '/rows.parquet') | replace("'", "''") ~ "'" -%}
        {%- if run_query('select file from glob(' ~ place ~ ')').rows | length > 0 %}{% do places.append(place) %}{% endif -%}
    {%- endfor -%}
    {%- if places | length == 2 -%}
        {%- do run_query('create table if not exists changes.' ~ name ~ ' as ' ~ difference('read_parquet(' ~ places[0] ~ ')', 'read_parquet(' ~ places[1] ~ ')')) -%}
    {%- endif -%}
{%- endmacro %}

{#- Rows that left and rows that came. -#}
{% macro difference(earlier, later) -%}
    (from {{ earlier }} except all from {{ later }}) union all (from {{ later }} except all from {{ earlier }})
{%- endmacro %}


{#- After a table was built whole: what changed of it, when a model that goes on by key reads it. -#}
{% macro keep_changes() -%}
    {%- if execute and before() and config.get('materialized') == 'table' and has_heirs(model.unique_id) %}
        create table changes.{{ this.identifier }} as
            {{ difference('before.main.' ~ this.identifier, this) }}
    {%- endif %}
{%- endmacro %}

{% macro has_heirs(unique_id) -%}
    {%- for node in graph.nodes.values() %}
        {%- if node.resource_type == 'model' and unique_id in node.depends_on.nodes and node.config.materialized == 'incremental_by_key' %}
            {{ return(true) }}
        {%- endif %}
    {%- endfor %}
    {{ return(false) }}
{%- endmacro %}


{% materialization incremental_by_key, adapter='duckdb' -%}
    {%- if not before() -%}
        {{ return(materialization_table_duckdb()) }}
    {%- endif -%}

    {%- set key_lines = modules.re.findall('^--keys (.*)$', compiled_code, modules.re.MULTILINE) | join('\n') -%}
    {%- set by = config.require('by') -%}
    {%- set keys = 'changes.keys_of_' ~ this.identifier -%}
    {%- set fresh = 'changes.fresh_' ~ this.identifier -%}
    {%- set gone = 'changes.gone_' ~ this.identifier -%}
    {%- set changes = 'changes.' ~ this.identifier -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- call statement('keys') -%}
        create or replace table {{ keys }} as
        select distinct * from (
{{ key_lines }}
) as found({{ by | join(', ') }})
    {%- endcall -%}
    {%- call statement('shape') -%}
        create or replace table {{ fresh }} as from {{ this }} limit 0
    {%- endcall -%}
    {%- call statement('main') -%}
        insert into {{ fresh }} by name
        select built.* from ({{ narrowed(compiled_code, keys, by) }}) as built
        {{ semi_join(keys, by, by, 'built') }}
    {%- endcall -%}
    {%- call statement('gone') -%}
        create or replace table {{ gone }} as
        select built.* from {{ this }} as built
        {{ semi_join(keys, by, by, 'built') }}
    {%- endcall -%}
    {%- call statement('changes') -%}
        create or replace table {{ changes }} as
        {{ difference(gone, fresh) }}
    {%- endcall -%}
    {%- call statement('delete') -%}
        delete from {{ this }} as built using (select distinct {{ by | join(', ') }} from {{ changes }}) as moved
        where {% for column in by %}built.{{ column }} = moved.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
    {%- endcall -%}
    {%- call statement('insert') -%}
        insert into {{ this }}
        select built.* from {{ fresh }} as built
        {{ semi_join('(select distinct ' ~ by | join(', ') ~ ' from ' ~ changes ~ ')', by, by, 'built') }}
    {%- endcall -%}
    {%- for table in (keys, fresh, gone) %}
        {%- call statement('drop') -%} drop table {{ table }} {%- endcall -%}
    {%- endfor %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization %}

{#- Other engines build whole. -#}
{% materialization incremental_by_key, adapter='spark' -%}
    {{ return(materialization_table_spark()) }}
{%- endmaterialization %}


{#- The compiled statement with its marks put into words. -#}
{% macro narrowed(statement, keys, by) -%}
    {%- set narrow = namespace(text=statement) -%}
    {%- for mark in modules.re.findall('/\\*touched (.*?)\\*/', statement) | unique -%}
        {%- set narrow.text = narrow.text | replace('/*touched ' ~ mark ~ '*/', semi_join(keys, by, mark.split(' | '))) -%}
    {%- endfor -%}
    {%- for words in modules.re.findall('/\\*going on (.*?)\\*/', statement, modules.re.DOTALL) | unique -%}
        {%- set narrow.text = narrow.text | replace('/*going on ' ~ words ~ '*/', words) -%}
    {%- endfor -%}
    {{ return(narrow.text) }}
{%- endmacro %}

{% macro semi_join(keys, by, columns, alias=none) -%}
    semi join {{ keys }} as touched on {% for column in columns -%}
        {{ (alias ~ '.' if alias else '') ~ column }} = touched.{{ by[loop.index0] }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
