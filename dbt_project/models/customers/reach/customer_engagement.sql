-- How alive the relation with each customer is, counted over quarters of an hour of the last 90 days (as_of, a civil midnight,
-- begins one, so the spans of 7, 30 and 90 days are whole). A session ends where two whole quarters of an hour are empty.
with interactions as (
    select * from {{ ref('interactions') }}
),

interaction_kinds as (
    select * from {{ source('lake', 'interaction_kinds') }}
),

customers as (
    select * from {{ ref('customers') }}
),

engagement_rules as (
    select * from {{ source('lake', 'engagement_rules') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

quarters as (
    select
        interactions.customer_id,
        {{ integer_division(epoch_seconds('interactions.occurred_at'), '900') }} as quarter,
        count(case when interaction_kinds.is_touch then 1 end) as touches,
        count(case when interactions.kind in ('message_received', 'group_message') then 1 end) as messages,
        count(case when interactions.kind = 'message_sent' then 1 end) as staff_messages,
        min(interactions.occurred_at) as first_at
    from interactions
    inner join interaction_kinds on interactions.kind = interaction_kinds.kind
    cross join this_run
    where interactions.occurred_at >= this_run.as_of - interval 90 day
        and interactions.occurred_at < this_run.as_of
    group by interactions.customer_id, {{ integer_division(epoch_seconds('interactions.occurred_at'), '900') }}
),

sessions as (
    select
        quarters.*,
        touches > 0 and quarter - coalesce(
            max(case when touches > 0 then quarter end) over (
                partition by customer_id order by quarter rows between unbounded preceding and 1 preceding
            ),
            quarter - 3
        ) > 2 as begins_session
    from quarters
),

counted as (
    select
        sessions.customer_id,
        sum(case when sessions.first_at >= this_run.as_of - interval 7 day then sessions.messages else 0 end) as messages_7,
        sum(case when sessions.first_at >= this_run.as_of - interval 30 day then sessions.messages else 0 end) as messages_30,
        sum(sessions.messages) as messages_90,
        sum(sessions.staff_messages) as staff_messages_90,
        count(case when sessions.begins_session then 1 end) as sessions_90,
        count(distinct case
            when sessions.touches > 0 then {{ local_date('sessions.first_at', 'this_run.company_timezone') }}
        end) as active_days_90
    from sessions
    cross join this_run
    group by sessions.customer_id
),

filled as (
    select
        customers.customer_id,
        coalesce(cast(counted.messages_7 as bigint), 0) as messages_7,
        coalesce(cast(counted.messages_30 as bigint), 0) as messages_30,
        coalesce(cast(counted.messages_90 as bigint), 0) as messages_90,
        coalesce(cast(counted.staff_messages_90 as bigint), 0) as staff_messages_90,
        coalesce(cast(counted.sessions_90 as bigint), 0) as sessions_90,
        coalesce(cast(counted.active_days_90 as bigint), 0) as active_days_90,
        customers.last_interaction_at as last_touch_at
    from customers
    left join counted on customers.customer_id = counted.customer_id
),

points as (
    select
        filled.*,
        cast(case
            {% for step in (1, 2, 3) -%}
            when filled.last_touch_at >= engagement_rules.recency_since_{{ step }}
                then engagement_rules.recency_points_{{ step }}
            {% endfor -%}
            else 0
        end as bigint) as recency_points,
        least(filled.active_days_90 * engagement_rules.active_day_points, engagement_rules.active_day_most) as active_day_points,
        least(filled.messages_30 * engagement_rules.message_points, engagement_rules.message_most) as message_points
    from filled
    cross join engagement_rules
),

customer_engagement as (
    select
        customer_id,
        messages_7,
        messages_30,
        messages_90,
        staff_messages_90,
        sessions_90,
        active_days_90,
        recency_points,
        active_day_points,
        message_points,
        recency_points + active_day_points + message_points as score,
        last_touch_at
    from points
)

select * from customer_engagement
