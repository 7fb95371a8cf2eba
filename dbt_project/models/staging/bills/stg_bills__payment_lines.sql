{%- set line = ['channel', 'account_id', 'kind', 'transaction_id', 'entry_id'] %}
{%- set delivered_line = ['delivered.channel', 'delivered.account_id', 'delivered.kind', 'delivered.transaction_id', 'delivered.entry_id'] %}
{{ config(materialized='incremental_by_key', by=['channel', 'account_id', 'kind', 'transaction_id', 'entry_id']) }}
{{ touched([
    landed_since(source('lake', 'payment_bill_lines'), line, times=['occurred_at', 'refunded_at']),
    "select " ~ line | join(', ') ~ " from " ~ source('lake', 'payment_bill_lines') ~ " where bill_id in (" ~ changed(ref('stg_bills__bills'), ['bill_id']) ~ ")",
]) }}
with bills as (
    select * from {{ ref('stg_bills__bills') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

delivered as (
    {{ lines_of_newest_delivery(source('lake', 'payment_bill_lines'), only_touched(delivered_line)) }}
),

-- several bills may hold a line: of all trades and of refunds, of a day and of a month
held_by_several as (
    select
        channel,
        account_id,
        kind,
        transaction_id,
        entry_id,
        max(seq) as seq,
        max(refunded_at) as refund_arrived_at
    from (
        {{ lines_of_newest_delivery(source('lake', 'payment_bill_lines'), only_touched(delivered_line)) | indent(4) }}
    ) as lines_of_bills
    group by channel, account_id, kind, transaction_id, entry_id
    having count(*) > 1
),

ranked as (
    select
        delivered.*,
        case
            when held_by_several.seq is null then delivered.refunded_at
            else held_by_several.refund_arrived_at
        end as refund_arrived_at
    from delivered
    left join held_by_several
        on delivered.channel = held_by_several.channel
        and delivered.account_id = held_by_several.account_id
        and delivered.kind = held_by_several.kind
        and delivered.transaction_id = held_by_several.transaction_id
        and delivered.entry_id = held_by_several.entry_id
    where held_by_several.seq is null or delivered.seq = held_by_several.seq
),

payment_lines as (
    select
        'bill:' || ranked.channel || ':' || ranked.account_id || ':' || ranked.kind || ':' || ranked.transaction_id || ':'
            || ranked.entry_id || ':' || cast(ranked.occurrence as string) as line_id,
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
    where ranked.occurred_at < this_run.as_of
)

select * from payment_lines
