{#- Statements that give the customers on whose timeline something changed since the run before
    (docs/decisions/0013-builds-that-go-on.md): by whose a record or an identifier is, by what is said in it, and by where staff
    and stores were. -#}
{% macro touched_timelines() -%}
    {%- set found = [
        changed(ref('record_customers'), ['customer_id']),
        changed(ref('customer_identifiers'), ['customer_id']),
        changed(ref('orders'), ['customer_id']),
        changed(ref('refunds'), ['customer_id']),
        meets_changed(ref('orders'), ['customer_id'], ref('stg_taobao__trades'), ['order_key']),
        meets_changed(ref('orders'), ['customer_id'], ref('stg_youzan__trades'), ['order_key']),
        meets_changed(ref('orders'), ['customer_id'], ref('store_periods'), ['store_id']),
        meets_changed(ref('refunds'), ['customer_id'], ref('store_periods'), ['store_id']),
        those_who_met(changed(ref('staff_periods'), ['staff_id'])),
        those_who_met(changed(ref('stg_wecom__accounts'), ['userid'])),
        those_who_met(changed(ref('stg_wecom__accounts'), ['account_userid'])),
    ] -%}
    {%- for records in records_told() -%}
        {%- do found.append(who_has('record_id', ref('record_customers'), records)) -%}
    {%- endfor -%}
    {%- for identifiers in identifiers_told() -%}
        {%- do found.append(who_has('identifier', ref('customer_identifiers'), identifiers)) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{#- Records of which the timeline tells something else now. -#}
{% macro records_told() -%}
    {%- set app_user = "'app_users:' || " ~ content_hash(['app_id', 'openid', 'unionid', 'visitor_id']) -%}
    {{ return([
        changed(ref('stg_files__customers'), ["'customers:' || record_id"]),
        changed(ref('stg_files__members'), ["'members:' || member_no"]),
        changed(ref('stg_files__points'), ["'points:' || entry_id"]),
        changed(ref('stg_files__coupons'), ["'coupons:' || coupon_code"]),
        changed(ref('stg_files__cards'), ["'cards:' || entry_id"]),
        changed(ref('stg_files__leads'), ["'leads:' || lead_id"]),
        changed(ref('stg_files__follow_ups'), ["'follow_ups:' || follow_up_id"]),
        changed(ref('stg_files__follow_ups'), ["'leads:' || lead_id"]),
        changed(ref('stg_files__visits'), ["'visits:' || visit_key"]),
        changed(ref('stg_files__enrolments'), ["'enrolments:' || enrolment_id"]),
        changed(ref('stg_files__tickets'), ["'tickets:' || ticket_id"]),
        changed(ref('stg_mini_program__events'), [app_user]),
        'select ' ~ app_user ~ ' from ' ~ ref('stg_mini_program__events')
            ~ ' where object_id in (' ~ changed(ref('stg_files__products'), ['product_id']) ~ ')',
    ]) }}
{%- endmacro %}


{#- Identifiers of which the timeline tells something else now. -#}
{% macro identifiers_told() -%}
    {{ return([
        changed(ref('stg_chat__messages'), ['from_id']),
        changed(ref('stg_chat__receivers'), ['receiver_id']),
        meets_changed(ref('stg_chat__receivers'), ['receiver_id'], ref('stg_chat__messages'), ['corp_id', 'msgid']),
        meets_changed(ref('stg_chat__messages'), ['from_id'], ref('stg_chat__receivers'), ['corp_id', 'msgid']),
        'select from_id from ' ~ ref('stg_chat__messages')
            ~ ' where room_id in (' ~ changed(ref('stg_wecom__groups'), ['chat_id']) ~ ')',
        meets_changed(ref('stg_wecom__group_members'), ['external_userid'], ref('stg_wecom__groups'), ['chat_id']),
        changed(ref('stg_wecom__group_members'), ['external_userid']),
        changed(ref('stg_wecom__message_sends'), ['external_userid']),
        changed(ref('stg_wecom__follows'), ['external_userid']),
        changed(ref('stg_wecom__link_customers'), ['external_userid']),
        changed(ref('stg_wecom__events'), ['external_userid']),
        changed(ref('stg_wecom__payments'), ['external_userid']),
        meets_changed(ref('stg_wecom__payments'), ['external_userid'], ref('stg_wecom__payment_refunds'), ['transaction_id']),
        changed(ref('stg_store__consents'), ['identifier']),
    ]) }}
{%- endmacro %}


{#- The customers to whom something belongs that a statement names. -#}
{% macro who_has(column, owners, things) -%}
    select owned.customer_id
    from (
        {{ things }}
    ) as told({{ column }})
    inner join {{ owners }} as owned on told.{{ column }} = owned.{{ column }}
{%- endmacro %}


{#- The customers on whose timeline of before an employee stands. -#}
{% macro those_who_met(staff) -%}
    select customer_id from {{ this }} where staff_id in ({{ staff }})
{%- endmacro %}
