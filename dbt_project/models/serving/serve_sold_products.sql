with order_lines as (
    select * from {{ ref('order_lines') }}
    where is_sale and product_id is not null
),

products as (
    select * from {{ ref('stg_files__products') }}
),

named_by_orders as (
    select
        product_id,
        min(product_name) as product_name
    from order_lines
    group by product_id
),

sold_products as (
    select
        named_by_orders.product_id,
        coalesce(products.name, named_by_orders.product_name) as product_name
    from named_by_orders
    left join products on named_by_orders.product_id = products.product_id
)

select * from sold_products
