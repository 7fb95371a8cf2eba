-- Which persona an order's buyer is: from an order to the reasons why it belongs to whom it does.
with identity_records as (
    select * from {{ ref('identity_records') }}
),

published as (
    select
        substr(record_id, length('orders:') + 1) as order_key,
        persona_id
    from identity_records
    where source = 'orders'
)

select * from published
