-- In which month a customer began to buy, and through which channel: once within each store, and once for the company (store_id `*`).
-- Within a store only what was bought there counts, also of who had bought elsewhere before. Months are civil months of the store.
with orders as (
    select * from {{ ref('orders') }}
),

stores as (
    select * from {{ ref('stores') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

first_sales as (
    select
        orders.customer_id,
        orders.store_id,
        min(orders.sold_at) as first_sold_at,
        min({{ local_date('orders.sold_at', 'stores.timezone') }}) as first_sold_on
    from orders
    inner join stores on orders.store_id = stores.store_id
    where orders.is_sale and orders.customer_id is not null
    group by orders.customer_id, orders.store_id
),

-- The channel is what the store was on that day.
of_stores as (
    select
        first_sales.customer_id,
        first_sales.store_id,
        {{ sales_channel('places.store_type') }} as channel,
        first_sales.first_sold_at,
        {{ month_of('first_sales.first_sold_on') }} as cohort_month
    from first_sales
    inner join store_periods as places
        on first_sales.store_id = places.store_id
        and places.valid_from <= first_sales.first_sold_on
        and first_sales.first_sold_on < places.valid_to
),

of_the_company as (
    select
        customer_id,
        channel,
        min(cohort_month) over (partition by customer_id) as cohort_month
    from of_stores
    qualify row_number() over (partition by customer_id order by first_sold_at, store_id) = 1
),

cohort_members as (
    select
        customer_id,
        store_id,
        channel,
        cohort_month
    from of_stores
    union all
    select
        customer_id,
        '*' as store_id,
        channel,
        cohort_month
    from of_the_company
)

select * from cohort_members
