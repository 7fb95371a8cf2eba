{#- Words of the transfer models: who a party is, how a ratio is rounded, and what a period is. -#}

{#- Who a kind of party is on a row with region, store_id, agent, channel and salesperson_id; null when there is nobody. -#}
{% macro settlement_party(kind) -%}
    case {{ kind }}
        when 'hq' then 'hq'
        when 'region' then region
        when 'store' then store_id
        when 'agent' then 'agent:' || coalesce(agent, region)
        when 'sales' then salesperson_id
        when 'platform' then 'platform:' || channel
        else {{ kind }}
    end
{%- endmacro %}


{#- numerator / denominator in whole units, half away from zero, BIGINT. Both are integers, the denominator above zero. -#}
{% macro half_up(numerator, denominator) -%}
    (case when {{ numerator }} < 0 then -1 else 1 end * cast({{ integer_division(
        '2 * abs(' ~ numerator ~ ') + ' ~ denominator, '2 * cast(' ~ denominator ~ ' as ' ~ wide_integer() ~ ')'
    ) }} as bigint))
{%- endmacro %}


{#- What of `whole` is given back when `part` of `of` was: half up, all of it at the whole. -#}
{% macro given_back(whole, part, of) -%}
    {{ half_up('cast(' ~ whole ~ ' as ' ~ wide_integer() ~ ') * ' ~ part, of) }}
{%- endmacro %}


{#- The period of a length in which a day lies, as text that no other period of that length has. -#}
{% macro accumulation_period(day, length) -%}
    case {{ length }}
        when 'day' then cast({{ day }} as string)
        when 'week' then 'W' || cast(cast(date_trunc('week', {{ day }}) as date) as string)
        when 'month' then substr(cast({{ day }} as string), 1, 7)
        when 'quarter' then 'Q' || cast(cast(date_trunc('quarter', {{ day }}) as date) as string)
        when 'year' then substr(cast({{ day }} as string), 1, 4)
        else 'ever'
    end
{%- endmacro %}


{#- In which order the items of a group accumulate. -#}
{% macro order_of_items() -%}
    happened_at, coalesce(order_key, ''), coalesce(line_no, ''), line_id, coalesce(link_state, '')
{%- endmacro %}


{#- The columns that an item carries through to its entries. -#}
{% macro transfer_columns() -%}
        posting_id,
        sold_line_id,
        group_id,
        posting,
        line_id,
        original_line_id,
        order_key,
        store_id,
        region,
        store_type,
        business_type,
        component,
        link_state,
        salesperson_id,
        currency,
        rule_id,
        rule_version,
        party_role,
        payee_id,
        payer_id,
        payer_role,
        form,
        line_amount,
        points_amount,
        tax_id,
        tax_ppm,
        tax_amount,
        rate_ppm,
        base_amount,
        retiers,
        economic_date
{%- endmacro %}
