with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'cards'), key=['entry_id'], said=[
        'card_id', 'unionid', 'external_userid', 'phone', 'member_no', 'store_id', 'home_store_id',
        'order_id', 'product_id', 'staff_id', 'name', 'card_type', 'kind', 'currency', 'reason', 'amount',
        'gift_amount', 'times', 'balance_after', 'times_after', 'expires_on', 'occurred_at',
    ]) }}
),

cards as (
    select
        newest.entry_id,
        newest.card_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        newest.store_id,
        newest.home_store_id,
        newest.order_id,
        newest.product_id,
        newest.staff_id,
        newest.name,
        newest.card_type,
        newest.kind,
        newest.currency,
        newest.reason,
        newest.amount,
        newest.gift_amount,
        newest.times,
        newest.balance_after,
        newest.times_after,
        newest.expires_on,
        newest.occurred_at
    from newest
    cross join this_run
    where newest.occurred_at < this_run.as_of
)

select * from cards
