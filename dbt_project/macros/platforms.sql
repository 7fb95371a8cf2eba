{#- Of the observations of a record (columns is_later: made at or after as_of, modified_at, seq, _row): the newest one
    before as_of. A record that was first read later has none: then the first after it. -#}
{% macro newest_before_as_of(key) -%}
    qualify row_number() over (
        partition by {{ key | join(', ') }}
        order by
            is_later,
            case when not is_later then modified_at end desc,
            case when is_later then modified_at end,
            seq desc,
            _row desc
    ) = 1
{%- endmacro %}


{#- A platform's own states of an order in the words that all channels share: unpaid, cancelled, paid, shipped, finished,
    closed (paid once, given back whole), else the platform's word in small letters. -#}
{% macro taobao_status(status) -%}
    case {{ status }}
        when 'TRADE_NO_CREATE_PAY' then 'unpaid'
        when 'WAIT_BUYER_PAY' then 'unpaid'
        when 'PAY_PENDING' then 'unpaid'
        when 'WAIT_SELLER_SEND_GOODS' then 'paid'
        when 'PAID_FORBID_CONSIGN' then 'paid'
        when 'SELLER_CONSIGNED_PART' then 'shipped'
        when 'WAIT_BUYER_CONFIRM_GOODS' then 'shipped'
        when 'TRADE_BUYER_SIGNED' then 'finished'
        when 'TRADE_FINISHED' then 'finished'
        when 'TRADE_CLOSED' then 'closed'
        when 'TRADE_CLOSED_BY_TAOBAO' then 'cancelled'
        else lower({{ status }})
    end
{%- endmacro %}


{% macro youzan_status(status) -%}
    case {{ status }}
        when 'WAIT_BUYER_PAY' then 'unpaid'
        when 'WAIT_SELLER_SEND_GOODS' then 'paid'
        when 'WAIT_BUYER_CONFIRM_GOODS' then 'shipped'
        when 'TRADE_SUCCESS' then 'finished'
        when 'TRADE_CLOSED' then 'closed'
        else lower({{ status }})
    end
{%- endmacro %}
