{#- Minor units in one major unit, by ISO 4217; the list is that of models/money.py (a test compares the two). -#}
{% macro minor_units(currency) -%}
    case
        when {{ currency }} in ('JPY', 'KRW', 'VND', 'CLP', 'ISK') then 1
        when {{ currency }} in ('BHD', 'KWD', 'JOD', 'OMR', 'TND') then 1000
        else 100
    end
{%- endmacro %}


{#- quantity x unit price in minor units, rounded half up, BIGINT, exact.
    The widths are chosen: DuckDB multiplies two decimals of 18 digits within 18 digits and overflows, so the price is
    given 19; Spark would cut the scale of a product wider than 38, so it is given no more. -#}
{% macro line_value(quantity, unit_price, currency) -%}
    cast(
        round(
            cast({{ quantity }} as decimal(18, 3))
            * cast(cast({{ unit_price }} as decimal(24, 6)) * cast({{ minor_units(currency) }} as decimal(4, 0)) as decimal(19, 6)),
            0
        ) as bigint
    )
{%- endmacro %}


{#- Does an order in this state count as a sale? Empty means paid. Shops write the state in their own words; only these
    say that no money came. -#}
{% macro is_sale_status(status) -%}
    coalesce(lower(trim({{ status }})), 'paid') not in (
        'unpaid', 'cancelled', 'canceled', '待付款', '等待买家付款', '未付款', '已取消', '交易取消'
    )
{%- endmacro %}


{#- Was money given back in this state of a refund? Empty means success. -#}
{% macro is_refunded_status(status) -%}
    coalesce(lower(trim({{ status }})), 'success') not in (
        'pending', 'closed', '待处理', '处理中', '退款中', '退款关闭', '已关闭', '已拒绝'
    )
{%- endmacro %}
