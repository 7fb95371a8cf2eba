with interaction_days as (
    select * from {{ ref('interaction_days') }}
),

days as (
    select
        metric_date,
        store_id,
        region,
        channel,
        cast(sum(interactions) as bigint) as interactions,
        cast(sum(messages_received) as bigint) as messages_received,
        cast(sum(messages_sent) as bigint) as messages_sent
    from interaction_days
    group by metric_date, store_id, region, channel
),

metric_days as (
    {{ one_row_a_metric(
        'days',
        ['interactions', 'messages_received', 'messages_sent'],
        ['store_id', 'region', 'channel'],
        currency=false,
    ) }}
)

select * from metric_days
