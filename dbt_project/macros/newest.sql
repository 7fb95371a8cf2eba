{#- Which of several deliveries of a record counts. Each macro is the body of a CTE and reads the CTEs `batches`
    (lake_batches) and, where it says so, `this_run` or `bills` of the model that calls it. -#}

{#- Of each key the row of the newest batch. Two rows of one key in one batch: the one changed last (`changed_at`), then by a
    hash of all that they say, never by the place in the file. Gives the columns of `rows`. -#}
{% macro newest_delivery(rows, key, said, changed_at=none) -%}
    select {{ rows }}.*
    from {{ rows }}
    inner join batches on {{ rows }}._batch = batches.batch
    qualify row_number() over (
        partition by {{ key | join(', ') }}
        order by
            batches.seq desc,
            {% if changed_at %}{{ changed_at }} desc nulls last,{% endif %}
            {{ content_hash(said) }}
    ) = 1
{%- endmacro %}


{#- Of each key, among the observations of a record made before as_of the newest one. A record that was first read later
    has none: then the first after it. Gives the columns of `rows` (created_at and modified_at among them), is_later
    (made at or after as_of), seq and as_of. Reads `this_run` too. -#}
{% macro newest_before_as_of(rows, key) -%}
    select * from (
        select
            {{ rows }}.*,
            {{ rows }}.modified_at >= this_run.as_of as is_later,
            batches.seq,
            this_run.as_of
        from {{ rows }}
        inner join batches on {{ rows }}._batch = batches.batch
        cross join this_run
        where {{ rows }}.created_at < this_run.as_of
    ) as observations
    qualify row_number() over (
        partition by {{ key | join(', ') }}
        order by
            is_later,
            case when not is_later then modified_at end desc,
            case when is_later then modified_at end,
            seq desc,
            _row desc
    ) = 1
{%- endmacro %}


{#- The lines that a bill's newest delivery holds: it replaces the one before, also the lines that it no longer holds. Gives
    the columns of `rows` and seq. Reads `bills` too. -#}
{% macro lines_of_newest_delivery(rows) -%}
    select
        {{ rows }}.*,
        batches.seq
    from {{ rows }}
    inner join batches on {{ rows }}._batch = batches.batch
    inner join bills on {{ rows }}.bill_id = bills.bill_id and batches.seq = bills.delivered_in
{%- endmacro %}
