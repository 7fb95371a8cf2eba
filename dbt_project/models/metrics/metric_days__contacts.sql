-- WeCom contacts that staff won, and events by which one was lost: the contact or the member of staff took the other away.
with friendships as (
    select * from {{ ref('friendships') }}
),

events as (
    select * from {{ ref('stg_wecom__events') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

stores as (
    select * from {{ ref('stores') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

facts as (
    select
        userid,
        begun_at as happened_at,
        1 as won,
        0 as lost
    from friendships
    union all
    select
        userid,
        occurred_at as happened_at,
        0 as won,
        1 as lost
    from events
    where change_type in ('del_external_contact', 'del_follow_user')
),

counted as (
    select
        {{ civil_day('facts.happened_at') }} as metric_date,
        stores.store_id,
        'wecom' as channel,
        sum(facts.won) as contacts_added,
        sum(facts.lost) as contacts_lost
    from facts
    cross join this_run
    left join staff_periods
        on facts.userid = staff_periods.staff_id
        and staff_periods.starts_at <= facts.happened_at
        and facts.happened_at < staff_periods.ends_at
    left join stores on staff_periods.store_id = stores.store_id
    group by all
),

days as (
    {{ in_their_region('counted') }}
),

metric_days as (
    {{ one_row_a_metric('days', ['contacts_added', 'contacts_lost'], ['store_id', 'region', 'channel'], currency=false) }}
)

select * from metric_days
