{#- Slots of the registry's tables: types that make a rule's key, guards of a rule (models/documents/identity.py). -#}
{% macro rule_types() -%}
    {{ return(range(1, 5)) }}
{%- endmacro %}

{% macro rule_guards() -%}
    {{ return(range(1, 7)) }}
{%- endmacro %}


{#- Do two stated values contradict each other? What one side does not state contradicts nothing. The kinds are those of
    models/documents/identity.py; dates are ISO text, numbers text of digits. -#}
{% macro contradicts(kind, tolerance, this, that) -%}
    coalesce(
        {{ this }} <> {{ that }}
        and case {{ kind }}
            when 'unlike' then
                levenshtein({{ this }}, {{ that }}) > {{ tolerance }}
                and substr({{ this }}, 1, length({{ that }})) <> {{ that }}
                and substr({{ that }}, 1, length({{ this }})) <> {{ this }}
            when 'date' then
                case when substr({{ this }}, 1, 4) <> substr({{ that }}, 1, 4) then 1 else 0 end
                + case when substr({{ this }}, 6, 2) <> substr({{ that }}, 6, 2) then 1 else 0 end
                + case when substr({{ this }}, 9, 2) <> substr({{ that }}, 9, 2) then 1 else 0 end
                > {{ tolerance }}
            when 'far' then abs(try_cast({{ this }} as bigint) - try_cast({{ that }} as bigint)) > {{ tolerance }}
            else true
        end,
        false
    )
{%- endmacro %}


{#- Whole days between two periods, none when they touch. -#}
{% macro days_apart(this_first, this_last, that_first, that_last) -%}
    greatest(
        {{ days_between('cast(' ~ this_last ~ ' as date)', 'cast(' ~ that_first ~ ' as date)') }},
        {{ days_between('cast(' ~ that_last ~ ' as date)', 'cast(' ~ this_first ~ ' as date)') }},
        cast(0 as bigint)
    )
{%- endmacro %}
