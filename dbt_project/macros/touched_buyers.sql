{#- Whose buyer a build that goes on must ask anew (macros/increments.sql). -#}

{#- Numbers of orders of which something else may be said: what changed in them, a payment of them, a ticket about them. Two orders
    with one number are told apart by nothing, so all of one number go together. -#}
{% macro moved_order_numbers() -%}
    select order_id from changes.stg_channels__order_lines
    union
    select order_id from changes.stg_files__order_lines
    union
    select order_id from changes.stg_files__tickets
    union
    select order_id from changes.stg_youzan__trades
    union
    select order_id from changes.stg_bills__payment_lines
    union
    select order_id from {{ ref('stg_youzan__trades') }}
    where outer_transactions in (select transaction_id from changes.stg_bills__payment_lines)
{%- endmacro %}


{#- Records of orders, by all that may tell another buyer. -#}
{% macro touched_orders() -%}
    select 'orders:' || order_key from changes.stg_channels__order_lines
    union
    select 'orders:' || order_key from changes.stg_files__order_lines
    union
    select 'orders:' || order_key from changes.stg_youzan__trades
    union
    select 'orders:' || order_key from {{ ref('stg_youzan__trades') }}
    where outer_transactions in (select transaction_id from changes.stg_bills__payment_lines)
    union
    select 'orders:' || order_key from {{ ref('stg_channels__order_lines') }}
    where order_id in ({{ moved_order_numbers() }})
    union
    select 'orders:' || {{ order_key('store_id', 'order_id') }} from changes.stg_files__tickets
    where order_id is not null
{%- endmacro %}


{#- Records of tickets that ask about such an order. -#}
{% macro touched_tickets() -%}
    select 'tickets:' || ticket_id from {{ ref('stg_files__tickets') }}
    where 'orders:' || {{ order_key('store_id', 'order_id') }} in ({{ touched_orders() }})
{%- endmacro %}
