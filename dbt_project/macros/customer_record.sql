{#- Slots of the table of field rules: criteria of one field (models/documents/customer.py). -#}
{% macro field_criteria() -%}
    {{ return(range(1, 6)) }}
{%- endmacro %}


{#- Is a value hidden in part, as platforms hide names and phones: 王**, 138****1234? -#}
{% macro is_masked(value) -%}
    ({{ value }} like '%*%' or {{ value }} like '%＊%' or {{ value }} like '%●%')
{%- endmacro %}


{#- By one criterion of a field's rule, the place of a statement: the smaller goes first. BIGINT; an unused slot tells nothing
    apart. -#}
{% macro criterion_key(slot) -%}
    case rules.criterion_{{ slot }}
        when 'verified' then case when counted.is_verified then cast(0 as bigint) else cast(1 as bigint) end
        when 'most_trusted' then counted.trust
        when 'most_recent' then -coalesce({{ epoch_seconds('counted.stated_at') }}, cast(0 as bigint))
        when 'most_frequent' then -counted.said_count
        when 'longest' then -cast(length(counted.value) as bigint)
        else cast(0 as bigint)
    end
{%- endmacro %}
