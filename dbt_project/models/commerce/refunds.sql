{{ config(materialized='incremental_by_key', by=['refund_line_id']) }}
{{ touched([
    changed(ref('stg_channels__refund_lines'), ['refund_line_id']),
    meets_changed(ref('stg_channels__refund_lines'), ['refund_line_id'], ref('order_lines'), ['order_id']),
    refunds_of_changed_records(),
    refunds_of_changed_stores(),
]) }}
-- A refund finds its order, then its line. Where the line cannot be told, nothing is guessed: the refund stays with the
-- order and is UNLINKED. A refund of something that was never a sale takes nothing back from sales and is left out.
with refund_lines as (
    select staged.* from {{ ref('stg_channels__refund_lines') }} as staged
    {{ only_touched(['staged.refund_line_id']) }}
),

numbers as (
    select distinct order_id from refund_lines
),

-- Few orders are refunded: only lines of their numbers are asked below.
order_lines as (
    select
        lines.order_line_id,
        lines.order_key,
        lines.order_id,
        lines.line_no,
        lines.store_id,
        lines.customer_id,
        lines.product_id,
        lines.currency,
        lines.is_sale
    from {{ ref('order_lines') }} as lines
    inner join numbers on lines.order_id = numbers.order_id
),

stores as (
    select * from {{ ref('stores') }}
),

refund_customers as (
    select
        substr(record_id, 9) as refund_key,
        customer_id
    from {{ ref('record_customers') }}
    where record_id like 'refunds:%'
),

orders_found as (
    select
        order_key,
        store_id,
        order_id,
        min(customer_id) as customer_id,
        max(case when is_sale then 1 else 0 end) = 1 as is_sale
    from order_lines
    group by order_key, store_id, order_id
),

numbers_of_one_store as (
    select
        order_id,
        min(order_key) as order_key
    from orders_found
    group by order_id
    having count(*) = 1
),

with_order_key as (
    select
        refund_lines.*,
        coalesce(in_stated_store.order_key, numbers_of_one_store.order_key) as order_key
    from refund_lines
    left join orders_found as in_stated_store
        on refund_lines.store_id = in_stated_store.store_id
        and refund_lines.order_id = in_stated_store.order_id
    left join numbers_of_one_store
        on refund_lines.order_id = numbers_of_one_store.order_id
        and refund_lines.store_id is null
),

lines_by_number as (
    select
        order_key,
        line_no,
        currency,
        min(order_line_id) as order_line_id,
        max(case when is_sale then 1 else 0 end) = 1 as is_sale
    from order_lines
    where line_no is not null
    group by order_key, line_no, currency
    having count(*) = 1
),

lines_by_product as (
    select
        order_key,
        product_id,
        currency,
        min(order_line_id) as order_line_id
    from order_lines
    where is_sale
    group by order_key, product_id, currency
    having count(*) = 1
),

only_lines as (
    select
        order_key,
        min(order_line_id) as order_line_id,
        min(currency) as currency
    from order_lines
    where is_sale
    group by order_key
    having count(*) = 1
),

with_order_line_id as (
    select
        with_order_key.*,
        orders_found.store_id as order_store_id,
        orders_found.customer_id as order_customer_id,
        case
            when with_order_key.order_line_no is not null then lines_by_number.order_line_id
            when with_order_key.product_id is not null then lines_by_product.order_line_id
            else only_lines.order_line_id
        end as order_line_id
    from with_order_key
    left join orders_found on with_order_key.order_key = orders_found.order_key
    left join lines_by_number
        on with_order_key.order_key = lines_by_number.order_key
        and with_order_key.order_line_no = lines_by_number.line_no
        and with_order_key.currency = lines_by_number.currency
    left join lines_by_product
        on with_order_key.order_key = lines_by_product.order_key
        and with_order_key.product_id = lines_by_product.product_id
        and with_order_key.currency = lines_by_product.currency
    left join only_lines
        on with_order_key.order_key = only_lines.order_key
        and with_order_key.currency = only_lines.currency
    where coalesce(orders_found.is_sale, true) and coalesce(lines_by_number.is_sale, true)
),

refunds as (
    select
        found.refund_line_id,
        found.refund_id,
        found.order_key,
        found.order_line_id,
        stores.store_id,
        coalesce(found.order_customer_id, refund_customers.customer_id) as customer_id,
        found.product_id,
        case when found.order_line_id is not null then 'LINKED' else 'UNLINKED' end as link_state,
        found.reason,
        found.currency,
        found.quantity,
        found.refund_amount,
        {{ local_date('found.refunded_at', 'stores.timezone') }} as refunded_on,
        found.refunded_at
    from with_order_line_id as found
    inner join stores on coalesce(found.store_id, found.order_store_id, 'unknown') = stores.store_id
    left join refund_customers on found.refund_key = refund_customers.refund_key
)

select * from refunds
