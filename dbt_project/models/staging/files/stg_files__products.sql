with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'products'), key=['product_id'], changed_at='updated_at', said=[
        'barcode', 'name', 'category', 'brand', 'specification', 'unit', 'tax_category', 'status', 'currency',
        'list_price', 'cycle_days', 'warranty_days', 'listed_on', 'updated_at',
    ]) }}
),

products as (
    select
        newest.product_id,
        newest.barcode,
        newest.name,
        newest.category,
        newest.brand,
        newest.specification,
        newest.unit,
        newest.tax_category,
        newest.status,
        newest.currency,
        newest.list_price,
        newest.cycle_days,
        newest.warranty_days,
        newest.listed_on,
        newest.updated_at
    from newest
    cross join this_run
    where newest.listed_on is null or newest.listed_on < this_run.business_date
)

select * from products
