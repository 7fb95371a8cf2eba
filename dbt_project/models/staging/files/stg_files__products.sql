with product_rows as (
    select * from {{ source('lake', 'products') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

deliveries as (
    select
        product_rows.*,
        batches.seq,
        {{ content_hash([
            'barcode', 'name', 'category', 'brand', 'specification', 'unit', 'tax_category', 'status', 'currency',
            'list_price', 'cycle_days', 'warranty_days', 'listed_on', 'updated_at',
        ]) }} as content_hash
    from product_rows
    inner join batches on product_rows._batch = batches.batch
),

newest as (
    select * from deliveries
    qualify row_number() over (
        partition by product_id
        order by seq desc, updated_at desc nulls last, content_hash
    ) = 1
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
