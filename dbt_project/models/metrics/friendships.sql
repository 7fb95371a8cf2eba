-- Who of the staff is in contact with whom, and from which civil day to which. A follow-up ends on the day of the event that
-- says so. One that a later pass no longer saw and no event ended has an unknown end: it is_dated no more, and no stock
-- counts it.
with follows as (
    select * from {{ ref('stg_wecom__follows') }}
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

friendships as (
    select
        follows.corp_id,
        follows.userid,
        follows.external_userid,
        stores.store_id,
        stores.region,
        follows.is_current,
        follows.is_current or ends.ended_at >= follows.followed_at as is_dated,
        {{ civil_day('follows.followed_at') }} as begun_on,
        case
            when not follows.is_current and ends.ended_at >= follows.followed_at then {{ civil_day('ends.ended_at') }}
        end as ended_on,
        follows.followed_at as begun_at
    from follows
    cross join this_run
    left join staff_stores on follows.userid = staff_stores.userid
    left join stores on staff_stores.store_id = stores.store_id
    left join ends
        on follows.corp_id = ends.corp_id
        and follows.userid = ends.userid
        and follows.external_userid = ends.external_userid
)

select
    corp_id,
    userid,
    external_userid,
    store_id,
    region,
    is_current,
    coalesce(is_dated, false) as is_dated,
    begun_on,
    ended_on,
    begun_at
from friendships
