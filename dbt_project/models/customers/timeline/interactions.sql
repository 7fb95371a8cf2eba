{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched(touched_timelines()) }}
-- One timeline of all customers, written once: a subject's rows are a part of this statement, not a table of their own.
-- Ids say what happened to which object, so that a rebuild gives the same rows.
{%- set subjects = [
    'acquisition', 'browsing', 'campaign', 'community', 'consent', 'conversation', 'member', 'order', 'service',
] %}
with interactions as (
    {%- for subject in subjects %}
    select
        customer_id,
        kind,
        actor,
        channel,
        store_id,
        staff_id,
        object_type,
        object_id,
        text_key,
        arguments,
        currency,
        amount,
        occurred_at
    from {{ ref('interactions__' ~ subject) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select * from interactions
