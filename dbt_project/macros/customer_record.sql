{#- Slots of the table of field rules: criteria of one field (models/documents/customer.py). -#}
{% macro field_criteria() -%}
    {{ return(range(1, 6)) }}
{%- endmacro %}


{#- Is a value hidden in part, as platforms hide names and phones: 王**, 138****1234? -#}
{% macro is_masked(value) -%}
    ({{ value }} like '%*%' or {{ value }} like '%＊%' or {{ value }} like '%●%')
{%- endmacro %}


{#- By one criterion of a field's rule, the place of a statement: the smaller goes first. BIGINT; an unused slot tells nothing
    apart. -#}
{% macro criterion_key(slot) -%}
    case rules.criterion_{{ slot }}
        when 'verified' then case when counted.is_verified then cast(0 as bigint) else cast(1 as bigint) end
        when 'most_trusted' then counted.trust
        when 'most_recent' then -coalesce({{ epoch_seconds('counted.stated_at') }}, cast(0 as bigint))
        when 'most_frequent' then -counted.said_count
        when 'longest' then -cast(length(counted.value) as bigint)
        else cast(0 as bigint)
    end
{%- endmacro %}


{#- Datasets whose records state what a person is like: relation, key, whose record it is (when not its own), when it was made
    and changed, its store, and the column of each field. A student's name on an enrolment is not its payer's. -#}
{% macro stated_profiles() -%}
    {{ return([
        ('customers', 'customer_records', 'record_id', none, 'registered_at', 'updated_at', 'store_id', {
            'name': 'name', 'email': 'email', 'gender': 'gender', 'birth_date': 'cast(birth_date as string)', 'city': 'city',
            'country': 'country', 'home_store': 'store_id',
        }),
        ('members', 'members', 'member_no', none, 'joined_at', 'updated_at', 'store_id', {
            'name': 'name', 'gender': 'gender', 'birth_date': 'cast(birth_date as string)', 'home_store': 'store_id',
        }),
        ('leads', 'leads', 'lead_id', none, 'created_at', 'updated_at', 'store_id', {'name': 'name', 'city': 'city'}),
        ('follow_ups', 'follow_ups', 'follow_up_id', none, 'followed_at', none, 'store_id', {'name': 'name'}),
        ('tickets', 'tickets', 'ticket_id', none, 'opened_at', 'updated_at', 'store_id', {'name': 'name'}),
        ('visits', 'visitors', 'visit_key', none, 'visited_at', none, 'store_id', {'name': 'name'}),
        ('wecom_contacts', 'contacts_of_stores', 'external_userid', none, 'first_followed_at', none, 'store_id', {
            'name': 'name', 'gender': 'gender',
        }),
        ('wecom_follows', 'remarks', 'follow_key', "'wecom_contacts:' || external_userid", 'followed_at', none, 'store_id', {
            'name': 'remark',
        }),
    ]) }}
{%- endmacro %}
