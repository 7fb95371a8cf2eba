-- Who of the staff is in contact with whom, in which store it began, and from which civil day to which. A follow-up ends on the day of the event that
-- says so. One that a later pass no longer saw and no event ended has an unknown end: it is_dated no more, and no stock
-- counts it.
with follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

events as (
    select * from {{ ref('stg_wecom__events') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

stores as (
    select * from {{ ref('stores') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

ends as (
    select
        corp_id,
        userid,
        external_userid,
        max(occurred_at) as ended_at
    from events
    where change_type in ('del_external_contact', 'del_follow_user')
    group by corp_id, userid, external_userid
),

begun as (
    select
        follows.corp_id,
        follows.userid,
        follows.external_userid,
        stores.store_id,
        follows.is_current,
        coalesce(follows.is_current or ends.ended_at >= follows.followed_at, false) as is_dated,
        {{ civil_day('follows.followed_at') }} as begun_on,
        follows.followed_at as begun_at,
        case when not follows.is_current and ends.ended_at >= follows.followed_at then ends.ended_at end as ended_at
    from follows
    cross join this_run
    left join staff_periods
        on follows.userid = staff_periods.staff_id
        and staff_periods.starts_at <= follows.followed_at
        and follows.followed_at < staff_periods.ends_at
    left join stores on staff_periods.store_id = stores.store_id
    left join ends
        on follows.corp_id = ends.corp_id
        and follows.userid = ends.userid
        and follows.external_userid = ends.external_userid
),

-- The day of the end is that of the store in which the employee worked by then.
friendships as (
    select
        begun.corp_id,
        begun.userid,
        begun.external_userid,
        begun.store_id,
        begun.is_current,
        begun.is_dated,
        begun.begun_on,
        {{ civil_day('begun.ended_at') }} as ended_on,
        begun.begun_at
    from begun
    cross join this_run
    left join staff_periods
        on begun.userid = staff_periods.staff_id
        and staff_periods.starts_at <= begun.ended_at
        and begun.ended_at < staff_periods.ends_at
    left join stores on staff_periods.store_id = stores.store_id
)

select * from friendships
