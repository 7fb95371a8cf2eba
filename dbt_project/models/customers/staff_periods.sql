-- Where an employee worked on a day. The staff list says it where it names a store of theirs; WeCom does else: the main
-- department of store staff bears the store's number. After the last day with the company there is no period.
with listed as (
    select * from {{ ref('stg_files__staff') }}
),

observed as (
    select * from {{ ref('stg_wecom__staff_states') }}
),

stores as (
    select * from {{ ref('stores') }}
),

-- One person may stand in the list under two numbers with one userid: the later hired is the present one.
listed_states as (
    select
        coalesce(userid, staff_id) as staff_id,
        store_id,
        department,
        position,
        name,
        holds_from,
        left_on
    from listed
    qualify row_number() over (
        partition by coalesce(userid, staff_id), holds_from order by hired_on desc nulls last, staff_id
    ) = 1
),

placed_by_the_list as (
    select staff_id from listed_states
    where store_id is not null
    group by staff_id
),

observed_states as (
    select
        observed.userid as staff_id,
        stores.store_id,
        observed.department_name as department,
        observed.position,
        observed.name,
        observed.status,
        observed.holds_from
    from observed
    left join stores on observed.department_name = stores.store_id
    left join placed_by_the_list on observed.userid = placed_by_the_list.staff_id
    where placed_by_the_list.staff_id is null
),

periods as (
    select
        listed_states.staff_id,
        listed_states.store_id,
        listed_states.department,
        listed_states.position,
        listed_states.name,
        'staff' as source,
        {{ first_day_of_state('listed_states.staff_id') }} as valid_from,
        least(
            {{ day_after_state('listed_states.staff_id') }},
            coalesce(cast(listed_states.left_on + interval 1 day as date), date '9999-12-31')
        ) as valid_to
    from listed_states
    inner join placed_by_the_list on listed_states.staff_id = placed_by_the_list.staff_id
    union all
    select
        staff_id,
        store_id,
        department,
        position,
        name,
        'wecom' as source,
        {{ first_day_of_state('staff_id') }} as valid_from,
        case when status = 5 then {{ first_day_of_state('staff_id') }} else {{ day_after_state('staff_id') }} end as valid_to
    from observed_states
),

staff_periods as (
    select * from periods
    where valid_from < valid_to
)

select * from staff_periods
