-- Who buys again: of the customers of a cohort (store, first channel, first month) those with a sale so many months later. A month
-- in which none of them bought has no row; month 0 is the first one, in which all did.
with members as (
    select * from {{ ref('cohort_members') }}
),

orders as (
    select * from {{ ref('orders') }}
),

stores as (
    select * from {{ ref('stores') }}
),

months as (
    select
        orders.customer_id,
        orders.store_id,
        {{ month_of(local_date('orders.sold_at', 'stores.timezone')) }} as month,
        count(*) as orders_count
    from orders
    inner join stores on orders.store_id = stores.store_id
    where orders.is_sale and orders.customer_id is not null
    group by 1, 2, 3
),

sizes as (
    select
        store_id,
        channel,
        cohort_month,
        count(*) as customers_count
    from members
    group by store_id, channel, cohort_month
),

active as (
    select
        members.store_id,
        members.channel,
        members.cohort_month,
        months.month,
        count(distinct members.customer_id) as active_count,
        cast(sum(months.orders_count) as bigint) as orders_count
    from members
    inner join months
        on members.customer_id = months.customer_id
        and members.store_id in (months.store_id, '*')
    group by members.store_id, members.channel, members.cohort_month, months.month
),

cohort_retention as (
    select
        active.store_id,
        active.channel,
        active.cohort_month,
        {{ months_between('active.cohort_month', 'active.month') }} as months_since,
        sizes.customers_count,
        active.active_count,
        active.orders_count
    from active
    inner join sizes
        on active.store_id = sizes.store_id
        and active.channel = sizes.channel
        and active.cohort_month = sizes.cohort_month
)

select * from cohort_retention
