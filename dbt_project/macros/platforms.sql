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


{#- The states that a platform's records are known to have; the lists are those of models/contracts/landed (a test compares
    them). A state that is none of them is counted by what else the record says, and told on the data page. -#}
{% macro known_states(dataset) -%}
    {{ return({
        'taobao_trades': [
            'TRADE_NO_CREATE_PAY', 'WAIT_BUYER_PAY', 'PAY_PENDING', 'WAIT_SELLER_SEND_GOODS', 'SELLER_CONSIGNED_PART',
            'WAIT_BUYER_CONFIRM_GOODS', 'TRADE_BUYER_SIGNED', 'TRADE_FINISHED', 'TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO',
            'PAID_FORBID_CONSIGN',
        ],
        'taobao_refunds': [
            'WAIT_SELLER_AGREE', 'WAIT_BUYER_RETURN_GOODS', 'WAIT_SELLER_CONFIRM_GOODS', 'SELLER_REFUSE_BUYER', 'CLOSED',
            'SUCCESS',
        ],
        'youzan_trades': [
            'WAIT_BUYER_PAY', 'TRADE_PAID', 'WAIT_CONFIRM', 'WAIT_SELLER_SEND_GOODS', 'WAIT_BUYER_CONFIRM_GOODS',
            'TRADE_SUCCESS', 'TRADE_CLOSED',
        ],
        'youzan_refunds': [
            'WAIT_SELLER_AGREE', 'WAIT_BUYER_RETURN_GOODS', 'WAIT_SELLER_CONFIRM_GOODS', 'SELLER_REFUSE_BUYER',
            'SELLER_REFUSE_BUYER_RETURN_GOODS', 'CLOSED', 'SUCCESS',
        ],
    }[dataset]) }}
{%- endmacro %}
