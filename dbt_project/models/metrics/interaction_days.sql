{%- set number = customer_number('customer_id') -%}
{%- set touched_numbers = [
    changed(ref('interactions'), [number]),
    'select customer_number from ' ~ this ~ ' where store_id in (' ~ changed(ref('stores'), ['store_id']) ~ ')',
    'select customer_number from ' ~ this ~ ' where store_id in (' ~ changed(ref('store_periods'), ['store_id']) ~ ')',
] -%}
{{ config(materialized='incremental_by_key', by=['customer_number']) }}
{{ touched(touched_numbers) }}
-- The timeline once, by customer, day, store and channel: both what happened and who was active come from it. A customer
-- has a number here.
with interactions as (
    select told.* from {{ ref('interactions') }} as told
    {{ only_touched([customer_number('told.customer_id')]) }}
),

interaction_kinds as (
    select * from {{ source('lake', 'interaction_kinds') }}
),

stores as (
    select * from {{ ref('stores') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

happened as (
    select
        {{ customer_number('interactions.customer_id') }} as customer_number,
        {{ civil_day('interactions.occurred_at') }} as metric_date,
        coalesce(stores.store_id, '') as store_id,
        coalesce(interactions.channel, '') as channel,
        count(*) as interactions,
        count(case when interaction_kinds.is_touch then 1 end) as own_acts,
        count(case when interactions.kind = 'message_received' then 1 end) as messages_received,
        count(case when interactions.kind = 'message_sent' then 1 end) as messages_sent
    from interactions
    inner join interaction_kinds on interactions.kind = interaction_kinds.kind
    cross join this_run
    left join stores on interactions.store_id = stores.store_id
    group by all
),

interaction_days as (
    select
        happened.*,
        coalesce(places.region, '') as region
    from happened
    left join store_periods as places
        on happened.store_id = places.store_id
        and places.valid_from <= happened.metric_date
        and happened.metric_date < places.valid_to
)

select * from interaction_days
