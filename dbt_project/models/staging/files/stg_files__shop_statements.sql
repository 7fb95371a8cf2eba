{{ config(materialized='incremental_by_key', by=['platform', 'account_id', 'entry_id', 'kind']) }}
{{ touched([
    landed_since(
        source('lake', 'shop_statements'), ['platform', "coalesce(account_id, '*')", 'entry_id', 'kind'], times=['occurred_at', 'settled_at']
    ),
]) }}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'shop_statements'), key=['platform', "coalesce(delivered.account_id, '*')", 'entry_id', 'kind'], said=[
        'store_id', 'bill_id', 'order_id', 'platform_order_id', 'refund_id', 'status', 'note', 'currency',
        'amount', 'fee_amount', 'net_amount', 'balance_after', 'occurred_at', 'settled_at',
    ]) }}
),

shop_statements as (
    select
        coalesce(newest.account_id, '*') as account_id,
        newest.store_id,
        newest.bill_id,
        newest.entry_id,
        newest.order_id,
        newest.platform_order_id,
        newest.refund_id,
        newest.platform,
        newest.kind,
        newest.status,
        newest.note,
        newest.currency,
        newest.amount,
        newest.fee_amount,
        newest.net_amount,
        newest.balance_after,
        newest.occurred_at,
        case when newest.settled_at < this_run.as_of then newest.settled_at end as settled_at
    from newest
    cross join this_run
    where newest.occurred_at < this_run.as_of
)

select * from shop_statements
