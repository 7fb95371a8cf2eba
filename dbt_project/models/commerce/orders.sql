{{ config(materialized='incremental_by_key', by=['order_key']) }}
{{ touched([
    changed(ref('order_lines'), ['order_key']),
    changed(ref('refunds'), ['order_key']),
    meets_changed(ref('order_lines'), ['order_key'], ref('stores'), ['store_id']),
]) }}
-- The amount of a sale is that of its lines that were sold; of an order that is no sale, of all its lines.
-- Amounts of an order whose lines are in several currencies are null: the lines tell them, by currency.
with order_lines as (
    select lines.* from {{ ref('order_lines') }} as lines
    {{ only_touched(['lines.order_key']) }}
),

refunds as (
    select given_back.* from {{ ref('refunds') }} as given_back
    {{ only_touched(['given_back.order_key']) }}
),

stores as (
    select * from {{ ref('stores') }}
),

grouped as (
    select
        order_key,
        order_id,
        store_id,
        min(customer_id) as customer_id,
        min(salesperson_id) as salesperson_id,
        coalesce(min(case when is_sale then status end), min(status)) as status,
        case when min(currency) = max(currency) then min(currency) end as currency,
        min(product_name) as product_name,
        count(*) as lines_count,
        cast(sum(paid_amount) as bigint) as amount,
        cast(sum(case when is_sale then paid_amount end) as bigint) as sold_amount,
        max(case when is_sale then 1 else 0 end) = 1 as is_sale,
        min(ordered_at) as ordered_at,
        min(paid_at) as paid_at,
        min(sold_at) as sold_at
    from order_lines
    group by order_key, order_id, store_id
),

refunded as (
    select
        order_key,
        currency,
        cast(sum(refund_amount) as bigint) as refunded_amount
    from refunds
    where order_key is not null
    group by order_key, currency
),

orders as (
    select
        grouped.order_key,
        grouped.order_id,
        grouped.store_id,
        grouped.customer_id,
        grouped.salesperson_id,
        grouped.status,
        grouped.product_name,
        grouped.currency,
        grouped.lines_count,
        case when grouped.currency is not null then coalesce(grouped.sold_amount, grouped.amount) end as paid_amount,
        case when grouped.currency is not null then coalesce(refunded.refunded_amount, 0) end as refunded_amount,
        grouped.is_sale,
        {{ local_date('grouped.ordered_at', 'stores.timezone') }} as ordered_on,
        grouped.ordered_at,
        grouped.paid_at,
        grouped.sold_at
    from grouped
    inner join stores on grouped.store_id = stores.store_id
    left join refunded
        on grouped.order_key = refunded.order_key
        and grouped.currency = refunded.currency
)

select * from orders
