with payment_bill_line_rows as (
    select * from {{ source('lake', 'payment_bill_lines') }}
),

bills as (
    select * from {{ ref('stg_bills__bills') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

delivered as (
    {{ lines_of_newest_delivery('payment_bill_line_rows') }}
),

-- several bills may hold a line: of all trades and of refunds, of a day and of a month
ranked as (
    select
        *,
        dense_rank() over (
            partition by channel, account_id, kind, transaction_id, entry_id
            order by seq desc
        ) as delivery,
        max(refunded_at) over (
            partition by channel, account_id, kind, transaction_id, entry_id
        ) as refund_arrived_at
    from delivered
),

payment_lines as (
    select
        ranked.bill_id,
        ranked.account_id,
        ranked.sub_account_id,
        ranked.app_id,
        ranked.entry_id,
        ranked.transaction_id,
        ranked.order_id,
        ranked.platform_refund_id,
        ranked.refund_id,
        ranked.payer_id,
        ranked.store_id,
        ranked.device_id,
        ranked.operator_id,
        ranked.channel,
        ranked.kind,
        ranked.trade_type,
        ranked.trade_status,
        ranked.refund_type,
        ranked.refund_status,
        ranked.bank,
        ranked.product,
        ranked.attach,
        ranked.coupon_name,
        ranked.rate_text,
        ranked.rate_note,
        ranked.note,
        ranked.extra,
        ranked.currency,
        ranked.occurrence,
        ranked.amount,
        ranked.order_amount,
        ranked.coupon_amount,
        ranked.platform_discount_amount,
        ranked.merchant_discount_amount,
        ranked.card_amount,
        ranked.share_amount,
        ranked.fee_amount,
        ranked.fee_e5,
        ranked.bill_date,
        ranked.occurred_at,
        ranked.created_at,
        case when ranked.refund_arrived_at < this_run.as_of then ranked.refund_arrived_at end as refunded_at
    from ranked
    cross join this_run
    where ranked.delivery = 1 and ranked.occurred_at < this_run.as_of
)

select * from payment_lines
