{#- Money from one currency to another by a row of fx_days, half up to the minor unit, exact: no rate is ever a floating
    number. `amount` is in minor units and not negative. Null without a rate. -#}
{% macro in_other_currency(amount, from_currency, to_currency, rates) -%}
    {%- set numerator = 'cast(' ~ rates ~ '.numerator as ' ~ wide_integer() ~ ')' -%}
    {%- set denominator = 'cast(' ~ rates ~ '.denominator as ' ~ wide_integer() ~ ')' -%}
    cast({{ integer_division(
        '2 * cast(' ~ amount ~ ' as ' ~ wide_integer() ~ ') * ' ~ numerator ~ ' * ' ~ minor_units(to_currency)
            ~ ' + ' ~ denominator ~ ' * ' ~ minor_units(from_currency),
        '2 * ' ~ denominator ~ ' * ' ~ minor_units(from_currency)
    ) }} as bigint)
{%- endmacro %}


{#- The number of a row in its source: the parts of its key. -#}
{% macro charge_id(columns) -%}
    concat_ws('|'
        {%- for column in columns -%}
            , coalesce({{ column }}, '*')
        {%- endfor -%}
    )
{%- endmacro %}


{#- What a contribution is made of, in the order in which it is read. -#}
{% macro contribution_components() -%}
    {{ return(['revenue', 'discount', 'refund', 'cost', 'fee', 'commission', 'shipping', 'service_cost']) }}
{%- endmacro %}


{#- Has a value reached the n-th fixed bound of its measure? Bounds of recency are days, and fewer are better. -#}
{% macro reaches_bound(measure, n) -%}
    {%- set bound = 'coalesce(own.cut_' ~ n ~ ', general.cut_' ~ n ~ ')' -%}
    {%- if measure == 'recency' -%} -found.worth <= {{ bound }} {%- else -%} found.worth >= {{ bound }} {%- endif -%}
{%- endmacro %}
