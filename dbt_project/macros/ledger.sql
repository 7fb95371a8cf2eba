{#- The ledger of settlement: what identifies a balance, and which rows a closed period left behind. -#}

{#- Columns that say whose balance a row of the ledger moves: two rows with the same move the same. -#}
{% macro account_columns() -%}
    {{ return(['entry_id', 'store_id', 'party_role', 'party_id', 'currency']) }}
{%- endmacro %}


{#- Columns that tell how an entry came about, in the order of settlement_closed_entries. -#}
{% macro explaining_columns() -%}
    {{ return(['rule_id', 'rule_version', 'component_seq', 'base_amount', 'rate_ppm', 'weight', 'weight_total', 'floor_amount', 'rounding']) }}
{%- endmacro %}


{#- The same of a transfer only: how the amount was formed, and the steps to it. -#}
{% macro forming_columns() -%}
    {{ return({'form': 'string', 'bound': 'string', 'computed_amount': 'bigint', 'bound_amount': 'bigint', 'before_amount': 'bigint', 'after_amount': 'bigint', 'before_value': 'bigint', 'after_value': 'bigint'}) }}
{%- endmacro %}


{#- Lines with a row that was open in the run before and whose posted day is closed now. -#}
{% macro lines_that_were_closed(ledger) -%}
    select line_id from {{ ledger }}
    where not is_closed
        and posted_on < (select max(open_from) from {{ ref('settlement_watermark') }})
        and exists (select 1 from changes.settlement_watermark)
{%- endmacro %}


{#- Which column of a statement a role of a rule belongs to: its own charge, or a share. -#}
{% macro component_of_role(role) -%}
    case
        when {{ role }} = 'tax' or right({{ role }}, 4) = '_tax' then 'tax'
        when {{ role }} = 'fee' or right({{ role }}, 4) = '_fee' then 'fee'
        else 'split'
    end
{%- endmacro %}
