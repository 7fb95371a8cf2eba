-- Who may see whom: the stores in which a customer has a fact, and the owner's store.
with customers as (
    select * from {{ ref('customers') }}
),

interactions as (
    select * from {{ ref('interactions') }}
),

orders as (
    select * from {{ ref('orders') }}
),

customer_stores as (
    select
        customer_id,
        store_id
    from interactions
    where store_id is not null
    union
    select
        customer_id,
        store_id
    from orders
    where customer_id is not null
    union
    select
        customer_id,
        home_store_id as store_id
    from customers
    where home_store_id is not null
    union
    select
        customer_id,
        owner_store_id as store_id
    from customers
    where owner_store_id is not null
)

select * from customer_stores
