{#- Statements that give the customers whose records or personas changed since the run before: for models of key customer_id
    (docs/decisions/0013-builds-that-go-on.md). Reads identity_records and the step's persona_customers of now; who had a
    record before stands in the changes of record_customers and persona_customers. -#}
{% macro touched_customers() -%}
    {{ return([
        changed(ref('record_customers'), ['customer_id']),
        changed(source('lake', 'persona_customers'), ['customer_id']),
        meets_changed(source('lake', 'persona_customers'), ['customer_id'], ref('identity_records'), ['persona_id']),
        meets_changed(source('lake', 'persona_customers'), ['customer_id'], ref('personas'), ['persona_id']),
        meets_changed(source('lake', 'persona_customers'), ['customer_id'], source('lake', 'identity_observations'), ['persona_id']),
    ]) }}
{%- endmacro %}


{#- The customers of records that a statement names. -#}
{% macro customers_of(records) -%}
    select people.customer_id
    from (
        {{ records }}
    ) as told(record_id)
    inner join {{ ref('identity_records') }} as said on told.record_id = said.record_id
    inner join {{ source('lake', 'persona_customers') }} as people on said.persona_id = people.persona_id
{%- endmacro %}


{#- What a key says of the follow-ups of employees whose places changed. -#}
{% macro contacts_of_moved_staff(key) -%}
    select {{ key[0] }}
    from {{ ref('stg_wecom__follows') }}
    where userid in ({{ changed(ref('staff_periods'), ['staff_id']) }})
{%- endmacro %}


{#- The customers of records that state something else of them now, or are taken for older or younger by as_of. -#}
{% macro touched_profiles() -%}
    {%- set files = {
        'customers': ref('stg_files__customers'), 'members': ref('stg_files__members'), 'leads': ref('stg_files__leads'),
        'follow_ups': ref('stg_files__follow_ups'), 'tickets': ref('stg_files__tickets'), 'visits': ref('stg_files__visits'),
    } -%}
    {%- set enrolment = ["'enrolments:' || enrolment_id"] -%}
    {%- set contact = ["'wecom_contacts:' || external_userid"] -%}
    {%- set follow = ["'wecom_follows:' || " ~ order_key('userid', 'external_userid')] -%}
    {%- set records = [
        changed(ref('stg_files__enrolments'), enrolment),
        reached(ref('stg_files__enrolments'), enrolment, 'updated_at'),
        changed(ref('stg_wecom__contacts'), contact),
        changed(ref('stg_wecom__follows'), contact),
        changed(ref('stg_wecom__follows'), follow),
        contacts_of_moved_staff(contact),
        contacts_of_moved_staff(follow),
    ] -%}
    {%- for source, _, key, _, _, changed_at, _, _ in stated_profiles() if source in files -%}
        {%- set record = ["'" ~ source ~ ":' || " ~ key] -%}
        {%- do records.append(changed(files[source], record)) -%}
        {%- if changed_at %}{% do records.append(reached(files[source], record, changed_at)) %}{% endif -%}
    {%- endfor -%}
    {%- set people = [] -%}
    {%- for statement in records %}{% do people.append(customers_of(statement)) %}{% endfor -%}
    {{ return(people) }}
{%- endmacro %}
