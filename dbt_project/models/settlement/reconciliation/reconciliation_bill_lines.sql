{{ config(materialized='ephemeral') }}
-- The bills' side: lines of proven trade bills, and payments and refunds on the statements of shops. A statement that was made
-- by hand from a payment channel's bill counts only where no proven bill of that account is there. A payment that was taken back at
-- the till is given back under the payment's own number.
with statements as (
    select * from {{ ref('stg_files__shop_statements') }}
),

proven_accounts as (
    select distinct
        channel,
        account_id
    from {{ ref('stg_bills__payment_lines') }}
),

from_bills as (
    select
        line_id as row_id,
        channel,
        account_id,
        -- a bill knows stores by the channel's numbers
        cast(null as string) as store_id,
        case when kind = 'payment' then 'payment' else 'refund' end as kind,
        entry_id,
        case when kind = 'refund' then refund_id else order_id end as reference,
        transaction_id,
        order_id,
        currency,
        amount as stated_amount,
        fee_amount,
        coalesce(refund_status, 'SUCCESS') <> 'FAIL' as is_success,
        bill_date as bill_day,
        occurred_at
    from {{ ref('stg_bills__payment_lines') }}
),

from_statements as (
    select
        'bill:' || {{ key_part('statements.platform') }} || ':' || {{ key_part('statements.account_id') }} || ':'
            || statements.kind || ':' || statements.entry_id as row_id,
        statements.platform as channel,
        statements.account_id,
        statements.store_id,
        statements.kind,
        statements.entry_id,
        case when statements.kind = 'refund' then statements.refund_id else statements.order_id end as reference,
        statements.platform_order_id as transaction_id,
        statements.order_id,
        statements.currency,
        statements.amount as stated_amount,
        statements.fee_amount,
        {{ is_paid_status('statements.status') }} as is_success,
        {{ bill_day('statements.occurred_at') }} as bill_day,
        statements.occurred_at
    from statements
    left join proven_accounts
        on statements.platform = proven_accounts.channel
        and statements.account_id = proven_accounts.account_id
    where statements.kind in ('payment', 'refund')
        and statements.store_id is not null
        and proven_accounts.channel is null
),

bill_lines as (
    select * from from_bills
    union all
    select * from from_statements
)

select
    row_id,
    channel,
    account_id,
    store_id,
    kind,
    entry_id,
    reference,
    transaction_id,
    order_id,
    currency,
    stated_amount,
    case when is_success then stated_amount else 0 end as amount,
    fee_amount,
    is_success,
    bill_day,
    occurred_at
from bill_lines
