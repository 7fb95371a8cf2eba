{#- A stated amount of things as people write it: 2, not 2.000. Text, the same on both engines. -#}
{% macro number_text(quantity) -%}
    case
        when {{ quantity }} = floor({{ quantity }}) then cast(cast({{ quantity }} as bigint) as string)
        else cast({{ quantity }} as string)
    end
{%- endmacro %}


{#- Where an order or its refund happened. -#}
{% macro sales_channel(store_type) -%}
    case {{ store_type }} when 'online' then 'online' when 'undeclared' then 'undeclared' else 'store' end
{%- endmacro %}


{#- How a lead ended, in the words that exports use; null while it has not. -#}
{% macro lead_end(stage) -%}
    case
        when lower(trim({{ stage }})) in ('won', '成交', '已成交', '赢单', '已签约', '已转化') then 'lead_won'
        when lower(trim({{ stage }})) in ('lost', '输单', '已输单', '战败', '流失', '已流失', '无效', '失败') then 'lead_lost'
    end
{%- endmacro %}


{#- Kinds of messages that have a sentence of their own. -#}
{% macro message_text_key(kind, message) -%}
    case
        when {{ message }}.is_recalled then {{ kind }} || '.recalled'
        when {{ message }}.kind in ('image', 'voice', 'video', 'file', 'link', 'weapp')
            then {{ kind }} || '.' || {{ message }}.kind
        else {{ kind }}
    end
{%- endmacro %}
