{#- The day of a bill on which a moment falls: days of Chinese bills are Beijing's, which knows no summer time. -#}
{% macro bill_day(moment) -%}
    cast({{ moment }} + interval '8' hour as date)
{%- endmacro %}


{#- A payment channel in the words of bills. -#}
{% macro payment_channel(channel) -%}
    case
        when lower(trim({{ channel }})) in ('wechat_pay', 'wechat', 'wxpay', 'wechat pay', 'weixin', '微信', '微信支付') then 'wechat_pay'
        when lower(trim({{ channel }})) in ('alipay', 'ali_pay', '支付宝') then 'alipay'
        else lower(trim({{ channel }}))
    end
{%- endmacro %}


{#- How the two sides of a match differ, one column for each question. Reads its columns: ours_count, bill_count, ours_success,
    bill_success (did money move), ours_currency, bill_currency, ours_amount, bill_amount (0 where none moved), ours_fee (null: not
    known), bill_fee, is_on_one_day, is_orphan, and fee_tolerance of the rules. -#}
{% macro difference_flags() -%}
    (ours_success or bill_success) and not is_on_one_day as differs_in_day,
    ours_success <> bill_success as differs_in_status,
    ours_success and bill_success and ours_currency <> bill_currency as differs_in_currency,
    ours_success and bill_success and ours_currency = bill_currency and ours_amount <> bill_amount as differs_in_amount,
    coalesce(
        ours_success and bill_success and ours_currency = bill_currency and abs(ours_fee - bill_fee) > fee_tolerance, false
    ) as differs_in_fee
{%- endmacro %}

{#- The class of a match of both sides: the first question in the order of precedence that finds a difference. -#}
{% macro first_difference(from_place) -%}
    {%- set classes = [
        ("differs_in_day", "'TIMING'"),
        ("differs_in_status", "case when bill_success then 'STATUS_SHORT' else 'STATUS_OVER' end"),
        ("differs_in_currency", "'CURRENCY_MISMATCH'"),
        ("differs_in_amount", "case when ours_amount < bill_amount then 'AMOUNT_SHORT' else 'AMOUNT_OVER' end"),
        ("differs_in_fee", "'FEE_MISMATCH'"),
        ("is_orphan", "'REFUND_ORPHAN'"),
    ] -%}
    case
        {%- for flag, class in classes[from_place:] %}
        when {{ flag }} then {{ class }}
        {%- endfor %}
    end
{%- endmacro %}

{#- The next difference after the first: what the class does not tell. -#}
{% macro further_difference() -%}
    case
        when differs_in_day then {{ first_difference(1) }}
        when differs_in_status then {{ first_difference(2) }}
        when differs_in_currency then {{ first_difference(3) }}
        when differs_in_amount then {{ first_difference(4) }}
        when differs_in_fee then {{ first_difference(5) }}
    end
{%- endmacro %}
