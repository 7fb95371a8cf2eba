{#- The key of an order: the same order number in two shops is two orders. Colons inside a part are written %3A, so that
    two different pairs never give one key. -#}
{% macro order_key(store_id, order_id) -%}
    {{ key_part(store_id) }} || ':' || {{ key_part(order_id) }}
{%- endmacro %}

{% macro key_part(column) -%}
    replace(replace({{ column }}, '%', '%25'), ':', '%3A')
{%- endmacro %}


{#- The key of a line (columns line_no and occurrence): its number in its whole, else the hash of what it says. Lines with the
    same number, or that say the same, are told apart by their occurrence. -#}
{% macro line_key(whole, hash) -%}
    {{ whole }} || ':' || case
            when line_no is null then 'h' || {{ hash }} || '-' || cast(occurrence as string)
            when occurrence = 1 then line_no
            else line_no || '~' || cast(occurrence as string)
        end
{%- endmacro %}


{#- A hash of what some columns say, never of where a row stood: 16 hex digits. The separators are control characters,
    which text of people does not hold; should it, the occurrence beside the hash still tells two rows apart. -#}
{% macro content_hash(columns) -%}
    substr(md5({{ content_text(columns) }}), 1, 16)
{%- endmacro %}

{#- The same as a number of 60 bits, BIGINT: for rows that are joined and grouped by it. -#}
{% macro content_number(columns) -%}
    {{ hex_number('substr(md5(' ~ content_text(columns) ~ '), 1, 15)') }}
{%- endmacro %}

{% macro content_text(columns) -%}
    concat_ws(chr(31)
        {%- for column in columns -%}
            , coalesce(cast({{ column }} as string), chr(30))
        {%- endfor -%}
    )
{%- endmacro %}


{#- The value of a column in the first row, by a rank, in which it is known. To be used in a group by. -#}
{% macro first_known(column, ranked_by) -%}
    min_by({{ column }}, case when {{ column }} is not null then {{ ranked_by }} end)
{%- endmacro %}


{#- The place of a row in time, of two at one moment by their number of up to 60 bits; without a moment before all others. One
    wide integer: it is compared many times faster than the text of both. -#}
{% macro place_in_time(moment, number) -%}
    cast(coalesce({{ epoch_micros(moment) }}, -100000000000000000) as {{ wide_integer() }}) * 1152921504606846976 + {{ number }}
{%- endmacro %}
