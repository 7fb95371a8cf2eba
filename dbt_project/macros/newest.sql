{#- Which of several deliveries of a record counts. Each macro is the body of a CTE, takes a source, and reads the CTEs `batches`
    (lake_batches) and, where it says so, `this_run` or `bills` of the model that calls it.

    Most records are delivered once. So rows are ranked only where a key was met more than once, by a hash that finds those keys:
    a rank over all rows sorts and spills every column of tens of millions of rows. The source is named each time it is read, and
    is no CTE, which DuckDB would keep in memory as a whole. -#}

{#- Of each key the first row by `order`. Columns of the row are those of `delivered`, its batch is `batches`. `where` leaves rows
    out before they are ranked. Gives the columns of `rows` and of `more`. -#}
{% macro first_of_each(rows, key, order, where=none, more=[]) -%}
    {%- set places = [] %}
    {%- for column in key %}
        {%- do places.append(column if '.' in column else 'delivered.' ~ column) %}
    {%- endfor %}
    {%- set touched_rows = only_touched(places) %}
    with repeated as (
        select {{ key_hash(key) }} as key_hash
        from {{ rows }} as delivered
        group by {{ key_hash(key) }}
        having count(*) > 1
    )
    {%- set columns = ['delivered.*'] + more %}
    select {{ columns | join(', ') }}
    from {{ rows }} as delivered
    inner join batches on delivered._batch = batches.batch
    {%- if where %}
    cross join this_run
    {%- endif %}
    {{ touched_rows }}
    left join repeated on {{ key_hash(key) }} = repeated.key_hash
    where repeated.key_hash is null{% if where %} and {{ where }}{% endif %}
    union all
    select {{ columns | join(', ') }}
    from {{ rows }} as delivered
    inner join batches on delivered._batch = batches.batch
    {%- if where %}
    cross join this_run
    {%- endif %}
    {{ touched_rows }}
    inner join repeated on {{ key_hash(key) }} = repeated.key_hash
    {%- if where %}
    where {{ where }}
    {%- endif %}
    qualify row_number() over (
        partition by {{ key | join(', ') }}
        order by {{ order | join(', ') }}
    ) = 1
{%- endmacro %}


{#- Of each key the row of the newest batch. Two rows of one key in one batch: the one changed last (`changed_at`), then by a
    hash of all that they say, never by the place in the file. Gives the columns of `rows`. -#}
{% macro newest_delivery(rows, key, said, changed_at=none) -%}
    {%- set changed = [changed_at ~ ' desc nulls last'] if changed_at else [] -%}
    {{ first_of_each(rows, key, ['batches.seq desc'] + changed + [content_hash(said)]) }}
{%- endmacro %}


{#- Of each key, among the observations of a record made before as_of the newest one. A record that was first read later
    has none: then the first after it. Gives the columns of `rows` (created_at and modified_at among them), is_later
    (made at or after as_of), seq and as_of. Reads `this_run` too. -#}
{% macro newest_before_as_of(rows, key) -%}
    {%- set is_later = 'delivered.modified_at >= this_run.as_of' -%}
    {{ first_of_each(
        rows, key,
        order=[
            is_later,
            'case when not (' ~ is_later ~ ') then delivered.modified_at end desc',
            'case when ' ~ is_later ~ ' then delivered.modified_at end',
            'batches.seq desc',
            'delivered._row desc',
        ],
        where='delivered.created_at < this_run.as_of',
        more=[is_later ~ ' as is_later', 'batches.seq', 'this_run.as_of'],
    ) }}
{%- endmacro %}


{#- The lines that a bill's newest delivery holds: it replaces the one before, also the lines that it no longer holds. Gives
    the columns of `rows` and seq. Reads `bills` too. -#}
{% macro lines_of_newest_delivery(rows, only='') -%}
    select
        delivered.*,
        batches.seq
    from {{ rows }} as delivered
    inner join batches on delivered._batch = batches.batch
    inner join bills on delivered.bill_id = bills.bill_id and batches.seq = bills.delivered_in
    {{ only }}
{%- endmacro %}
