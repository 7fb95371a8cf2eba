{#- Components of a settlement rule: the facts carry a column for each. models/documents/settlement.py refuses more. -#}
{% macro settlement_components() -%}
    {{ return(range(1, 9)) }}
{%- endmacro %}


{#- One column for each component: {seq} in the text is replaced by 1, 2, ... 8. -#}
{% macro for_each_component(text, separator=', ') -%}
    {%- set parts = [] -%}
    {%- for seq in settlement_components() -%}
        {%- do parts.append(text | replace('{seq}', seq | string)) -%}
    {%- endfor -%}
    {{ return(parts | join(separator)) }}
{%- endmacro %}


{#- Split `size` of each row of `relation` by the integer columns weight_1 ... weight_8, largest remainder.

    Gives the columns of `keep`, weight_1.. and weight_total, and floor_1.. and rounding_1.. (0 or 1); a share is
    floor + rounding, and the shares sum to `size`. `size` is not negative and weight_total, the sum of the weights,
    is above zero. Fractions that tie go to the lower number. A weight of zero has no fraction, and the number of cents
    left over is below the number of fractions that are not zero, so it gets nothing.

    Wide on purpose: ranks by comparing eight columns in pairs; the window form was nine times slower. `type` is the
    integer type of size x weight. -#}
{% macro largest_remainder(relation, size, keep, type='bigint') -%}
    select
        {{ keep | join(', ') }},
        weight_total,
        {{ for_each_component('weight_{seq}') }},
        {{ for_each_component('floor_{seq}') }}
        {%- for seq in settlement_components() %},
        case
            when {% for other in settlement_components() if other != seq -%}
                case when fraction_{{ other }} {{ '>=' if other < seq else '>' }} fraction_{{ seq }} then 1 else 0 end
                {%- if not loop.last %} + {% endif %}
            {%- endfor %} < left_over
            then 1 else 0
        end as rounding_{{ seq }}
        {%- endfor %}
    from (
        select
            *,
            {{ size }} - ({{ for_each_component('floor_{seq}', ' + ') }}) as left_over
        from (
            select
                *,
                {{ for_each_component('product_{seq} - cast(floor_{seq} as ' ~ type ~ ') * weight_total as fraction_{seq}') }}
            from (
                select
                    *
                    {%- for seq in settlement_components() %},
                    cast({{ integer_division('product_' ~ seq, 'weight_total') }} as bigint) as floor_{{ seq }}
                    {%- endfor %}
                from (
                    select
                        *,
                        {{ for_each_component('cast(' ~ size ~ ' as ' ~ type ~ ') * weight_{seq} as product_{seq}') }}
                    from {{ relation }}
                ) as multiplied
            ) as floored
        ) as fractioned
    ) as counted
{%- endmacro %}


{#- The same split over rows, where the number of parts is not known: each row of `relation` gets its share of `size`, which is
    the same on all rows of one `whole`, by `weight` of `weight_total`; the shares of a whole sum to its size. Fractions that
    tie go to the lower `tie`, which is different on each row of a whole. Gives the columns of `relation` and `share`. -#}
{% macro largest_remainder_rows(relation, size, weight, weight_total, whole, tie) -%}
    select
        *,
        floor_share + case
            when row_number() over (partition by {{ whole | join(', ') }} order by fraction desc, {{ tie }})
                <= {{ size }} - sum(floor_share) over (partition by {{ whole | join(', ') }})
            then 1 else 0
        end as share
    from (
        select
            *,
            product - cast(floor_share as {{ wide_integer() }}) * {{ weight_total }} as fraction
        from (
            select
                *,
                cast({{ integer_division('product', weight_total) }} as bigint) as floor_share
            from (
                select
                    *,
                    cast({{ size }} as {{ wide_integer() }}) * {{ weight }} as product
                from {{ relation }}
            ) as multiplied
        ) as floored
    ) as fractioned
{%- endmacro %}
