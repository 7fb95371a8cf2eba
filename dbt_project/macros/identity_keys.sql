{#- Do two names speak of one person: 'agree', 'compatible' or 'contradict', null when one side has no name. The same as
    names_agree of models/identifiers/agreement.py, where the rule is said in words; a test runs both over the same pairs.

    left and right are what stands before the columns name, surname, given_name, name_kind, name_pinyin and name_sound of
    models/identifiers: an alias with its dot ('l.'), or a prefix ('left_'). -#}
{% macro names_agree(left, right) -%}
    case
        when {{ left }}name_kind is null or {{ right }}name_kind is null then null
        when {{ left }}name_kind in ('full', 'latin', 'other') and {{ left }}name_kind = {{ right }}name_kind
            and {{ left }}name = {{ right }}name then 'agree'
        when {{ left }}name_kind = 'latin' and {{ right }}name_kind = 'latin'
            and {{ left }}surname = replace({{ right }}given_name, ' ', '')
            and {{ right }}surname = replace({{ left }}given_name, ' ', '') then 'agree'
        when {{ left }}name_kind = 'full' and {{ right }}name_kind = 'latin'
            and {{ same_in_pinyin(left, right) }} then 'agree'
        when {{ left }}name_kind = 'latin' and {{ right }}name_kind = 'full'
            and {{ same_in_pinyin(right, left) }} then 'agree'
        when {{ left }}name_kind = {{ right }}name_kind and {{ left }}name_kind in ('full', 'latin') then
            case
                when {{ left }}name_sound = {{ right }}name_sound then 'compatible'
                when {{ left }}name_kind = 'latin' and {{ left }}surname = {{ right }}surname
                    and {{ one_begins_the_other(left ~ 'given_name', right ~ 'given_name') }} then 'compatible'
                else 'contradict'
            end
        when {{ left }}name_kind in ('full', 'masked', 'surname_title')
            and {{ right }}name_kind in ('full', 'masked', 'surname_title')
            and not (
                {{ one_begins_the_other(name_beginning(left), name_beginning(right)) }}
                and {{ one_ends_the_other(name_end(left), name_end(right)) }}
            ) then 'contradict'
        else 'compatible'
    end
{%- endmacro %}


{#- A Chinese name and a latin one that is its pinyin, in either order. -#}
{% macro same_in_pinyin(full, latin) -%}
    {{ full }}name_pinyin in (
        {{ latin }}name_pinyin, replace({{ latin }}given_name, ' ', '') || ' ' || {{ latin }}surname
    )
{%- endmacro %}


{#- What stands before the first star of a name, and after its last; of a surname with a title the end is not known. -#}
{% macro name_beginning(side) -%}
    regexp_replace({{ side }}name, '[*].*$', '')
{%- endmacro %}

{% macro name_end(side) -%}
    case when {{ side }}name_kind = 'surname_title' then '' else regexp_replace({{ side }}name, '^.*[*]', '') end
{%- endmacro %}


{#- Is one text the beginning, or the end, of the other? Nothing begins and ends everything. -#}
{% macro one_begins_the_other(one, other) -%}
    left({{ one }}, cast(least(length({{ one }}), length({{ other }})) as int))
        = left({{ other }}, cast(least(length({{ one }}), length({{ other }})) as int))
{%- endmacro %}

{% macro one_ends_the_other(one, other) -%}
    right({{ one }}, cast(least(length({{ one }}), length({{ other }})) as int))
        = right({{ other }}, cast(least(length({{ one }}), length({{ other }})) as int))
{%- endmacro %}


{#- Does a full phone number (E.164) agree with a pattern such as +861380***1234 in every place that the pattern shows?
    The same as phone_fits of models/identifiers/masks.py. -#}
{% macro phone_fits(pattern, phone) -%}
    (
        length({{ pattern }}) = length({{ phone }})
        and {{ phone }} like replace({{ pattern }}, '*', '_')
    )
{%- endmacro %}
