-- How old is what each dataset says, against the run's business date; rows that count, after replacement.
{#- dataset, the staging model that says which of its rows count, the time of their events (none: they have no time). #}
{%- set staged = [
    ('orders', 'stg_files__order_lines', 'ordered_at'),
    ('refunds', 'stg_files__refund_lines', 'refunded_at'),
    ('customers', 'stg_files__customers', 'registered_at'),
    ('stores', 'stg_files__stores', none),
    ('consents', 'stg_store__consents', 'decided_at'),
    ('suppressions', 'stg_store__suppressions', none),
    ('statement_events', 'stg_store__statement_events', none),
    ('members', 'stg_files__members', 'joined_at'),
    ('staff', 'stg_files__staff', none),
    ('products', 'stg_files__products', none),
    ('leads', 'stg_files__leads', 'created_at'),
    ('follow_ups', 'stg_files__follow_ups', 'followed_at'),
    ('tickets', 'stg_files__tickets', 'opened_at'),
    ('visits', 'stg_files__visits', 'visited_at'),
    ('enrolments', 'stg_files__enrolments', 'enrolled_at'),
    ('points', 'stg_files__points', 'occurred_at'),
    ('cards', 'stg_files__cards', 'occurred_at'),
    ('coupons', 'stg_files__coupons', 'issued_at'),
    ('costs', 'stg_files__costs', none),
    ('fx_rates', 'stg_files__fx_rates', none),
    ('tax_rates', 'stg_files__tax_rates', none),
    ('shop_statements', 'stg_files__shop_statements', 'occurred_at'),
    ('payments', 'stg_files__payments', 'occurred_at'),
    ('app_events', 'stg_mini_program__events', 'occurred_at'),
    ('bills', 'stg_bills__bills', none),
    ('payment_bill_lines', 'stg_bills__payment_lines', 'occurred_at'),
    ('fund_lines', 'stg_bills__fund_lines', 'occurred_at'),
    ('split_lines', 'stg_bills__split_lines', 'occurred_at'),
    ('taobao_trades', 'stg_taobao__trades', 'modified_at'),
    ('taobao_trade_lines', 'stg_taobao__trade_lines', 'modified_at'),
    ('taobao_refunds', 'stg_taobao__refunds', 'modified_at'),
    ('youzan_trades', 'stg_youzan__trades', 'modified_at'),
    ('youzan_trade_lines', 'stg_youzan__trade_lines', 'ordered_at'),
    ('youzan_refunds', 'stg_youzan__refunds', 'modified_at'),
    ('wecom_contacts', 'stg_wecom__contacts', 'first_followed_at'),
    ('wecom_follows', 'stg_wecom__follows', 'followed_at'),
    ('wecom_follow_phones', 'stg_wecom__follow_phones', 'followed_at'),
    ('wecom_follow_tags', 'stg_wecom__follow_tags', none),
    ('wecom_tags', 'stg_wecom__tags', none),
    ('wecom_staff', 'stg_wecom__staff', none),
    ('wecom_syncs', 'stg_wecom__passes', none),
    ('wecom_groups', 'stg_wecom__groups', 'created_at'),
    ('wecom_group_members', 'stg_wecom__group_members', 'joined_at'),
    ('wecom_link_customers', 'stg_wecom__link_customers', none),
    ('wecom_behaviour', 'stg_wecom__behaviour', none),
    ('wecom_payments', 'stg_wecom__payments', 'paid_at'),
    ('wecom_payment_refunds', 'stg_wecom__payment_refunds', 'requested_at'),
    ('wecom_message_sends', 'stg_wecom__message_sends', 'sent_at'),
    ('wecom_events', 'stg_wecom__events', 'occurred_at'),
    ('chat_messages', 'stg_chat__messages', 'sent_at'),
    ('chat_receivers', 'stg_chat__receivers', 'sent_at'),
] %}
{#- Of these no model reads a row yet: dataset, what makes a record (passes and versions repeat it), its time. #}
{%- set unstaged = [
    ('identity_decisions', 'decision_id', none),
    ('reconciliation_decisions', 'decision_id', none),
    ('wecom_departments', 'corp_id, department_id', none),
    ('wecom_staff_departments', 'corp_id, userid, department_id', none),
    ('wecom_links', 'corp_id, link_id', none),
    ('wecom_link_quotas', 'corp_id', none),
    ('wecom_unassigned', 'corp_id, handover_userid, external_userid', 'left_at'),
    ('wecom_transfers', 'corp_id, kind, handover_userid, takeover_userid, external_userid', 'taken_over_at'),
    ('wecom_messages', 'corp_id, msgid', 'created_at'),
    ('wecom_message_tasks', 'corp_id, msgid, userid', 'sent_at'),
    ('youzan_refund_details', 'shop_id, refund_id', 'modified_at'),
] %}

with this_run as (
    select * from {{ source('lake', 'run') }}
),
{% for dataset, model, _ in staged %}
{{ dataset }} as (
    select * from {{ ref(model) }}
),
{% endfor %}
{%- for dataset, record, event_time in unstaged %}
{{ dataset }} as (
    select
        {{ record }}{% if event_time %},
        max({{ event_time }}) as {{ event_time }}{% endif %}
    from {{ source('lake', dataset) }}
    {%- if event_time %}
    cross join this_run
    where {{ event_time }} is null or {{ event_time }} < this_run.as_of
    {%- endif %}
    group by {{ record }}
),
{% endfor %}
counted as (
    {%- for dataset, _, event_time in staged + unstaged %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    {%- if event_time %}
    -- a record that was first read after as_of can carry a later time; no event of it has happened yet
    select
        '{{ dataset }}' as dataset,
        count(*) as rows_count,
        max(case when {{ event_time }} < this_run.as_of then {{ event_time }} end) as last_event_at
    from {{ dataset }}
    cross join this_run
    {%- else %}
    select '{{ dataset }}' as dataset, count(*) as rows_count, cast(null as timestamp) as last_event_at from {{ dataset }}
    {%- endif %}
    {%- endfor %}
),

data_freshness as (
    select
        counted.dataset,
        counted.rows_count,
        {{ days_between(local_date('counted.last_event_at', 'this_run.company_timezone'), 'this_run.business_date') }} - 1
            as days_behind,
        counted.last_event_at
    from counted
    cross join this_run
)

select * from data_freshness
