{{ config(tags=['facts']) }}
-- I18: no column of the settlement tables is a floating number, and no amount a decimal.
{% set tables = [
    ref('settlement_rate_splits'), ref('settlement_refund_splits'), ref('settlement_entries'), ref('settlement_posting_terms'),
    ref('settlement_fx_choices'), ref('settlement_posting_fx'), ref('settlement_conversions'),
    ref('settlement_transfer_items'),
    ref('settlement_transfer_amounts'), ref('settlement_transfers'), ref('settlement_summary')
] %}
{% set found = [] %}
{% if execute %}
    {% for table in tables %}
        {% for column in adapter.get_columns_in_relation(table) if column.is_float() or 'decimal' in column.dtype | lower or 'hugeint' in column.dtype | lower %}
            {% do found.append(table.identifier ~ '.' ~ column.name ~ ' ' ~ column.dtype) %}
        {% endfor %}
    {% endfor %}
{% endif %}
{% for column in found %}
select '{{ column }}' as float_column
{% if not loop.last %}union all{% endif %}
{% else %}
select '' as float_column where 1 = 0
{% endfor %}
