-- Orders on their way, refunds, and payments taken in WeCom. An order that is paid as it is placed is one thing that happened,
-- not two: it has no order_placed. What was sent and received is known of platforms' orders, which say when.
with orders as (
    select * from {{ ref('orders') }}
    where customer_id is not null
),

refunds as (
    select * from {{ ref('refunds') }}
    where customer_id is not null
),

stores as (
    select * from {{ ref('stores') }}
),

taobao_trades as (
    select * from {{ ref('stg_taobao__trades') }}
),

youzan_trades as (
    select * from {{ ref('stg_youzan__trades') }}
),

payments as (
    select * from {{ ref('stg_wecom__payments') }}
),

payment_refunds as (
    select * from {{ ref('stg_wecom__payment_refunds') }}
),

staff_stores as (
    select * from {{ ref('staff_stores') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
    where identifier_type = 'external_userid' and is_owner
),

told as (
    select
        orders.customer_id,
        {{ sales_channel('stores.store_type') }} as channel,
        orders.store_id,
        orders.salesperson_id,
        orders.order_key,
        case
            when orders.product_name is null then ''
            when orders.lines_count = 1 then '.product'
            else '.products'
        end as variant,
        case
            when orders.product_name is null then cast(null as string)
            when orders.lines_count = 1 then {{ arguments({'product': 'orders.product_name'}) }}
            else {{ arguments({'product': 'orders.product_name', 'more': 'orders.lines_count - 1'}) }}
        end as arguments,
        orders.currency,
        orders.paid_amount,
        orders.is_sale,
        orders.ordered_at,
        orders.sold_at
    from orders
    inner join stores on orders.store_id = stores.store_id
),

placed as (
    select
        customer_id,
        'order_placed' as kind,
        'customer' as actor,
        channel,
        store_id,
        salesperson_id as staff_id,
        'order' as object_type,
        order_key as object_id,
        'order_placed' || variant as text_key,
        arguments,
        currency,
        paid_amount as amount,
        ordered_at as occurred_at
    from told
    where not is_sale or ordered_at < sold_at
),

paid as (
    select
        customer_id,
        'order_paid' as kind,
        'customer' as actor,
        channel,
        store_id,
        salesperson_id as staff_id,
        'order' as object_type,
        order_key as object_id,
        'order_paid' || variant as text_key,
        arguments,
        currency,
        paid_amount as amount,
        sold_at as occurred_at
    from told
    where is_sale
),

deliveries as (
    select
        order_key,
        consigned_at,
        case when status = 'TRADE_FINISHED' then ended_at end as received_at
    from taobao_trades
    union all
    select
        order_key,
        consigned_at,
        case when status = 'TRADE_SUCCESS' then succeeded_at end as received_at
    from youzan_trades
),

steps as (
    select
        order_key,
        'order_shipped' as kind,
        'company' as actor,
        consigned_at as occurred_at
    from deliveries
    where consigned_at is not null
    union all
    select
        order_key,
        'order_received' as kind,
        'customer' as actor,
        received_at as occurred_at
    from deliveries
    where received_at is not null
),

delivered as (
    select
        orders.customer_id,
        steps.kind,
        steps.actor,
        {{ sales_channel('stores.store_type') }} as channel,
        orders.store_id,
        orders.salesperson_id as staff_id,
        'order' as object_type,
        orders.order_key as object_id,
        steps.kind as text_key,
        cast(null as string) as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        steps.occurred_at
    from steps
    inner join orders on steps.order_key = orders.order_key
    inner join stores on orders.store_id = stores.store_id
),

refunded as (
    select
        refunds.customer_id,
        'refund' as kind,
        'company' as actor,
        {{ sales_channel('stores.store_type') }} as channel,
        refunds.store_id,
        cast(null as string) as staff_id,
        'refund' as object_type,
        refunds.refund_line_id as object_id,
        case when refunds.reason is null then 'refund' else 'refund.reason' end as text_key,
        case when refunds.reason is not null then {{ arguments({'reason': 'refunds.reason'}) }} end as arguments,
        refunds.currency,
        refunds.refund_amount as amount,
        refunds.refunded_at as occurred_at
    from refunds
    inner join stores on refunds.store_id = stores.store_id
),

payments_of_customers as (
    select
        identifiers.customer_id,
        payments.corp_id,
        payments.transaction_id,
        payments.payee_userid,
        staff_stores.store_id,
        payments.amount,
        payments.paid_at
    from payments
    inner join identifiers on payments.external_userid = identifiers.identifier
    left join staff_stores on payments.payee_userid = staff_stores.userid
),

payments_received as (
    select
        customer_id,
        'payment_received' as kind,
        'customer' as actor,
        'wecom' as channel,
        store_id,
        payee_userid as staff_id,
        'payment' as object_type,
        corp_id || ':' || transaction_id as object_id,
        'payment_received' as text_key,
        cast(null as string) as arguments,
        'CNY' as currency,
        amount,
        paid_at as occurred_at
    from payments_of_customers
),

payments_given_back as (
    select
        payments_of_customers.customer_id,
        'refund' as kind,
        'company' as actor,
        'wecom' as channel,
        payments_of_customers.store_id,
        payments_of_customers.payee_userid as staff_id,
        'payment' as object_type,
        'wecom_payment:' || payment_refunds.corp_id || ':' || {{ order_key('payment_refunds.transaction_id', 'payment_refunds.out_refund_no') }}
            as object_id,
        'refund.payment' as text_key,
        cast(null as string) as arguments,
        'CNY' as currency,
        payment_refunds.amount,
        payment_refunds.requested_at as occurred_at
    from payment_refunds
    inner join payments_of_customers
        on payment_refunds.corp_id = payments_of_customers.corp_id
        and payment_refunds.transaction_id = payments_of_customers.transaction_id
),

interactions__order as (
    select * from placed
    union all
    select * from paid
    union all
    select * from delivered
    union all
    select * from refunded
    union all
    select * from payments_received
    union all
    select * from payments_given_back
)

select * from interactions__order
