-- WeCom contacts that staff won, and events by which one was lost: the contact or the member of staff took the other away.
with friendships as (
    select * from {{ ref('friendships') }}
),

events as (
    select * from {{ ref('stg_wecom__events') }}
),

staff_stores as (
    select * from {{ ref('staff_stores') }}
),

stores as (
    select * from {{ ref('stores') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

facts as (
    select
        begun_on as metric_date,
        store_id,
        region,
        1 as won,
        0 as lost
    from friendships
    union all
    select
        {{ civil_day('events.occurred_at') }} as metric_date,
        stores.store_id,
        stores.region,
        0 as won,
        1 as lost
    from events
    cross join this_run
    left join staff_stores on events.userid = staff_stores.userid
    left join stores on staff_stores.store_id = stores.store_id
    where events.change_type in ('del_external_contact', 'del_follow_user')
),

days as (
    select
        metric_date,
        store_id,
        region,
        'wecom' as channel,
        sum(won) as contacts_added,
        sum(lost) as contacts_lost
    from facts
    group by all
),

metric_days as (
    {{ one_row_a_metric('days', ['contacts_added', 'contacts_lost'], ['store_id', 'region', 'channel'], currency=false) }}
)

select * from metric_days
