{#- Which facts a build that goes on must build anew, where a change reaches them by more than its own key
    (macros/increments.sql). -#}

{#- Refunds whose record is another customer's now: they take it where their order is not known. -#}
{% macro refunds_of_changed_records() -%}
    select refund_line_id from {{ ref('stg_channels__refund_lines') }}
    where 'refunds:' || refund_key in (select record_id from changes.record_customers)
{%- endmacro %}


{#- Refunds of stores that changed; a refund that names none takes that of its order, or the unknown one. -#}
{% macro refunds_of_changed_stores() -%}
    select refund_line_id from {{ ref('stg_channels__refund_lines') }}
    where store_id in (select store_id from changes.stores)
        or (store_id is null and exists (select 1 from changes.stores))
{%- endmacro %}


{#- Lines whose posting finds another rule, or another weight of it. `line`: an expression over settlement_postings. -#}
{% macro postings_of_changed_rules(line='posted.line_id') -%}
    {%- set place_and_day = ['store_id', 'economic_date'] -%}
    select {{ line }}
    from {{ ref('settlement_postings') }} as posted
    semi join (
        {{ changed(ref('settlement_rule_choices'), place_and_day) }}
        union all
        {{ meets_changed(ref('settlement_rule_choices'), place_and_day, ref('settlement_rule_weights'), ['rule_id', 'rule_version']) }}
    ) as moved on {% for column in place_and_day -%}
        posted.{{ column }} = moved.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#- Charges that say the number of an order of which a row of another table changed. -#}
{% macro of_changed_numbers(charges, source_id, numbers, table) -%}
    select {{ source_id }} from {{ charges }}
    where {% for number in numbers -%}
        {{ number }} in (select order_id from changes.{{ table.identifier }}){{ ' or ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#- Orders of amounts in a currency on a day of which a rate changed. -#}
{% macro at_changed_rates(amounts, columns, of_rate) -%}
    select order_key from {{ amounts }}
    where ({{ columns | join(', ') }}) in (select ({{ of_rate | join(', ') }}) from changes.fx_days)
{%- endmacro %}


{#- Entries of settlement whose line, or whose refund, says something else now. -#}
{% macro entries_of_changed_lines(entries) -%}
    select entry_id from {{ entries }}
    where coalesce(original_line_id, case when posting = 'SALE' then line_id end) in (select order_line_id from changes.sold_lines)
        or (posting = 'REFUND' and line_id in (select refund_line_id from changes.refunds))
{%- endmacro %}
