with refunds as (
    select * from {{ ref('refunds') }}
),

published as (
    select
        refund_line_id,
        refund_id,
        order_key,
        order_line_id,
        store_id,
        customer_id,
        product_id,
        link_state,
        reason,
        currency,
        refund_amount,
        refunded_on,
        refunded_at
    from refunds
)

select * from published
