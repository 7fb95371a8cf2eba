-- Orders on their way, refunds, and payments taken in WeCom. An order that is paid as it is placed is one thing that happened,
-- not two: it has no order_placed. What was sent and received is known of platforms' orders, which say when.
with orders as (
    select told.* from {{ ref('orders') }} as told
    {{ only_touched(['told.customer_id']) }}
    where told.customer_id is not null
),

refunds as (
    select told.* from {{ ref('refunds') }} as told
    {{ only_touched(['told.customer_id']) }}
    where told.customer_id is not null
),

store_periods as (
    select * from {{ ref('store_periods') }}
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

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

identifiers as (
    select people.* from {{ ref('customer_identifiers') }} as people
    {{ only_touched(['people.customer_id']) }}
    where identifier_type = 'external_userid' and is_owner
),

told as (
    select
        orders.customer_id,
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
),

placed as (
    select
        customer_id,
        'order_placed' as kind,
        'customer' as actor,
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
),

refunded as (
    select
        refunds.customer_id,
        'refund' as kind,
        'company' as actor,
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
),

in_stores as (
    select * from placed
    union all
    select * from paid
    union all
    select * from delivered
    union all
    select * from refunded
),

-- The channel is what the store was at that time.
of_stores as (
    select
        in_stores.customer_id,
        in_stores.kind,
        in_stores.actor,
        {{ sales_channel('places.store_type') }} as channel,
        in_stores.store_id,
        in_stores.staff_id,
        in_stores.object_type,
        in_stores.object_id,
        in_stores.text_key,
        in_stores.arguments,
        in_stores.currency,
        in_stores.amount,
        in_stores.occurred_at
    from in_stores
    inner join store_periods as places
        on in_stores.store_id = places.store_id
        and places.starts_at <= in_stores.occurred_at
        and in_stores.occurred_at < places.ends_at
),

payments_of_customers as (
    select
        identifiers.customer_id,
        payments.corp_id,
        payments.transaction_id,
        payments.payee_userid,
        staff_periods.store_id,
        payments.amount,
        payments.paid_at
    from payments
    inner join identifiers on payments.external_userid = identifiers.identifier
    left join staff_periods
        on payments.payee_userid = staff_periods.staff_id
        and staff_periods.starts_at <= payments.paid_at
        and payments.paid_at < staff_periods.ends_at
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
    select * from of_stores
    union all
    select * from payments_received
    union all
    select * from payments_given_back
)

select * from interactions__order
