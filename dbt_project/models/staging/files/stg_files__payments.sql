{{ config(materialized='incremental_by_key', by=['channel', 'kind', 'payment_id']) }}
{{ touched([
    landed_since(source('lake', 'payments'), ['channel', 'kind', 'payment_id'], times=['occurred_at']),
]) }}
-- Signs are those of bills whatever the file says: positive when the company gets it, fees negative when it pays them.
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'payments'), key=['channel', 'kind', 'payment_id'], said=[
        'account_id', 'store_id', 'order_id', 'transaction_id', 'refund_id', 'platform_refund_id', 'status', 'currency',
        'amount', 'fee_amount', 'occurred_at',
    ]) }}
),

payments as (
    select
        'ours:' || newest.kind || ':' || {{ key_part('newest.channel') }} || ':' || newest.payment_id as row_id,
        newest.payment_id,
        newest.account_id,
        newest.store_id,
        newest.order_id,
        newest.transaction_id,
        newest.refund_id,
        newest.platform_refund_id,
        newest.channel,
        {{ payment_channel('newest.channel') }} as payment_channel,
        newest.kind,
        newest.status,
        newest.currency,
        case when newest.kind = 'refund' then -abs(newest.amount) else abs(newest.amount) end as amount,
        case when newest.kind = 'refund' then abs(newest.fee_amount) else -abs(newest.fee_amount) end as fee_amount,
        {{ is_paid_status('newest.status') }} as is_success,
        {{ bill_day('newest.occurred_at') }} as bill_day,
        newest.occurred_at
    from newest
    cross join this_run
    where newest.occurred_at < this_run.as_of
)

select * from payments
