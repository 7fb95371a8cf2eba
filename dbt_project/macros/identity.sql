{#- Slots of the registry's tables: types that make a rule's key, guards of a rule, types that any guard compares
    (models/documents/identity.py). -#}
{% macro rule_types() -%}
    {{ return(range(1, 5)) }}
{%- endmacro %}

{% macro rule_guards() -%}
    {{ return(range(1, 7)) }}
{%- endmacro %}

{% macro guarded_types() -%}
    {{ return(range(1, 13)) }}
{%- endmacro %}


{#- What is known of a persona for one guard of a rule: the value of the type that the guard compares. -#}
{% macro known_for_guard(slot) -%}
    case rules.guard_place_{{ slot }}
        {%- for place in guarded_types() %}
        when {{ place }} then known.known_{{ place }}
        {%- endfor %}
    end
{%- endmacro %}


{#- Do two different values contradict each other? Their texts are read by the kinds that need them only, those of
    models/documents/identity.py; dates are ISO text, numbers text of digits. -#}
{% macro contradicts(kind, tolerance, this, that) -%}
    case {{ kind }}
        when 'different' then true
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
    end
{%- endmacro %}


{#- Whole days between two periods, none when they touch. -#}
{% macro days_apart(this_first, this_last, that_first, that_last) -%}
    greatest(
        {{ days_between('cast(' ~ this_last ~ ' as date)', 'cast(' ~ that_first ~ ' as date)') }},
        {{ days_between('cast(' ~ that_last ~ ' as date)', 'cast(' ~ this_first ~ ' as date)') }},
        cast(0 as bigint)
    )
{%- endmacro %}
