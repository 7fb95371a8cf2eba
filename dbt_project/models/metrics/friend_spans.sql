-- In which store and region a follow-up stood from which day to which: one after another, without a gap from its beginning to
-- its end. Days on which the employee worked in no store are of none.
with friendships as (
    select * from {{ ref('friendships') }}
    where is_dated and (ended_on is null or begun_on < ended_on)
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

days_in_stores as (
    select
        staff_periods.staff_id,
        store_periods.store_id,
        store_periods.region,
        greatest(staff_periods.valid_from, store_periods.valid_from) as starts_on,
        least(staff_periods.valid_to, store_periods.valid_to) as ends_before
    from staff_periods
    inner join store_periods
        on staff_periods.store_id = store_periods.store_id
        and staff_periods.valid_from < store_periods.valid_to
        and store_periods.valid_from < staff_periods.valid_to
),

days_of_staff as (
    select * from days_in_stores
    union all
    select
        staff_id,
        cast(null as string) as store_id,
        cast(null as string) as region,
        ends_before as starts_on,
        coalesce(
            lead(starts_on) over (partition by staff_id order by starts_on),
            date '9999-12-31'
        ) as ends_before
    from days_in_stores
    union all
    select
        staff_id,
        cast(null as string) as store_id,
        cast(null as string) as region,
        date '1900-01-01' as starts_on,
        min(starts_on) as ends_before
    from days_in_stores
    group by staff_id
),

friend_spans as (
    select
        friendships.corp_id,
        friendships.userid,
        friendships.external_userid,
        days_of_staff.store_id,
        days_of_staff.region,
        greatest(friendships.begun_on, coalesce(days_of_staff.starts_on, friendships.begun_on)) as begun_on,
        case
            when days_of_staff.ends_before < coalesce(friendships.ended_on, date '9999-12-31') then days_of_staff.ends_before
            else friendships.ended_on
        end as ended_on
    from friendships
    left join days_of_staff
        on friendships.userid = days_of_staff.staff_id
        and days_of_staff.starts_on < days_of_staff.ends_before
        and friendships.begun_on < days_of_staff.ends_before
        and days_of_staff.starts_on < coalesce(friendships.ended_on, date '9999-12-31')
)

select * from friend_spans
