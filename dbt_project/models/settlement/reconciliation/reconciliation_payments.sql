{{ config(materialized='ephemeral') }}
-- Our side: what the company's systems recorded (file `payments`), payments that staff took in WeCom and that stand in no such
-- record, and the orders and refunds of shops whose platform writes statements. Also of accounts that have no bills.
-- The table of records is named each time it is read, and is no CTE, which DuckDB would keep in memory as a whole.
with wecom_payments as (
    select * from {{ ref('stg_wecom__payments') }}
),

wecom_refunds as (
    select * from {{ ref('stg_wecom__payment_refunds') }}
),

statements as (
    select * from {{ ref('stg_files__shop_statements') }}
),

orders as (
    select * from {{ ref('orders') }}
),

refunds as (
    select * from {{ ref('refunds') }}
),

accounts as (
    select * from {{ ref('reconciliation_accounts') }}
),

from_files as (
    select
        row_id,
        payment_channel as channel,
        account_id,
        store_id,
        kind,
        case when kind = 'refund' then platform_refund_id else transaction_id end as entry_id,
        case when kind = 'refund' then refund_id else order_id end as reference,
        transaction_id,
        order_id,
        currency,
        amount as stated_amount,
        fee_amount,
        is_success,
        bill_day,
        occurred_at
    from {{ ref('stg_files__payments') }}
),

-- what staff took in a chat may stand in the company's records as well: it is one payment
recorded_numbers as (
    select distinct recorded.transaction_id
    from {{ ref('stg_files__payments') }} as recorded
    inner join wecom_payments on recorded.transaction_id = wecom_payments.transaction_id
    where recorded.payment_channel = 'wechat_pay' and recorded.kind = 'payment'
),

recorded_refunds as (
    select distinct recorded.refund_id
    from {{ ref('stg_files__payments') }} as recorded
    inner join wecom_refunds on recorded.refund_id = wecom_refunds.out_refund_no
    where recorded.payment_channel = 'wechat_pay' and recorded.kind = 'refund'
),

from_wecom as (
    select
        'ours:wecom:payment:' || {{ key_part('paid.corp_id') }} || ':' || paid.transaction_id as row_id,
        'wechat_pay' as channel,
        paid.mch_id as account_id,
        cast(null as string) as store_id,
        'payment' as kind,
        paid.transaction_id as entry_id,
        paid.out_trade_no as reference,
        paid.transaction_id,
        paid.out_trade_no as order_id,
        'CNY' as currency,
        paid.amount as stated_amount,
        cast(null as bigint) as fee_amount,
        true as is_success,
        {{ bill_day('paid.paid_at') }} as bill_day,
        paid.paid_at as occurred_at
    from wecom_payments as paid
    left join recorded_numbers on paid.transaction_id = recorded_numbers.transaction_id
    where recorded_numbers.transaction_id is null
    union all
    select
        'ours:wecom:refund:' || {{ key_part('given_back.corp_id') }} || ':' || {{ key_part('given_back.transaction_id') }} || ':'
            || given_back.out_refund_no as row_id,
        'wechat_pay' as channel,
        paid.mch_id as account_id,
        cast(null as string) as store_id,
        'refund' as kind,
        cast(null as string) as entry_id,
        given_back.out_refund_no as reference,
        given_back.transaction_id,
        paid.out_trade_no as order_id,
        'CNY' as currency,
        -given_back.amount as stated_amount,
        cast(null as bigint) as fee_amount,
        true as is_success,
        {{ bill_day('given_back.requested_at') }} as bill_day,
        given_back.requested_at as occurred_at
    from wecom_refunds as given_back
    left join wecom_payments as paid
        on given_back.corp_id = paid.corp_id
        and given_back.transaction_id = paid.transaction_id
    left join recorded_refunds on given_back.out_refund_no = recorded_refunds.refund_id
    where recorded_refunds.refund_id is null and given_back.requested_at is not null
),

recorded_channels as (
    select distinct payment_channel from {{ ref('stg_files__payments') }}
),

shop_lines as (
    select
        statements.store_id,
        statements.currency,
        statements.platform as channel,
        statements.account_id,
        count(*) as lines_count
    from statements
    inner join accounts
        on statements.platform = accounts.channel
        and statements.account_id = accounts.account_id
    left join recorded_channels on statements.platform = recorded_channels.payment_channel
    where statements.kind = 'payment'
        and statements.store_id is not null
        and statements.platform not in ('wechat_pay', 'alipay')
        and recorded_channels.payment_channel is null
    group by statements.store_id, statements.currency, statements.platform, statements.account_id
),

-- whose statement a shop's sales stand on: of several accounts the one with the most lines
shop_accounts as (
    select
        store_id,
        currency,
        channel,
        account_id
    from shop_lines
    qualify row_number() over (
        partition by store_id, currency
        order by lines_count desc, channel, account_id
    ) = 1
),

from_orders as (
    select
        'ours:order:' || orders.order_key as row_id,
        shop_accounts.channel,
        shop_accounts.account_id,
        orders.store_id,
        'payment' as kind,
        cast(null as string) as entry_id,
        orders.order_id as reference,
        cast(null as string) as transaction_id,
        orders.order_id,
        orders.currency,
        orders.paid_amount as stated_amount,
        cast(null as bigint) as fee_amount,
        orders.is_sale as is_success,
        {{ bill_day('coalesce(orders.paid_at, orders.ordered_at)') }} as bill_day,
        coalesce(orders.paid_at, orders.ordered_at) as occurred_at
    from orders
    inner join shop_accounts
        on orders.store_id = shop_accounts.store_id
        and orders.currency = shop_accounts.currency
    where orders.paid_amount <> 0
    union all
    select
        'ours:order_refund:' || {{ key_part('refunds.store_id') }} || ':' || {{ key_part('refunds.refund_id') }} || ':' || refunds.currency
            as row_id,
        min(shop_accounts.channel) as channel,
        min(shop_accounts.account_id) as account_id,
        refunds.store_id,
        'refund' as kind,
        cast(null as string) as entry_id,
        refunds.refund_id as reference,
        cast(null as string) as transaction_id,
        min(orders.order_id) as order_id,
        refunds.currency,
        cast(-sum(refunds.refund_amount) as bigint) as stated_amount,
        cast(null as bigint) as fee_amount,
        true as is_success,
        {{ bill_day('min(refunds.refunded_at)') }} as bill_day,
        min(refunds.refunded_at) as occurred_at
    from refunds
    inner join shop_accounts
        on refunds.store_id = shop_accounts.store_id
        and refunds.currency = shop_accounts.currency
    left join orders on refunds.order_key = orders.order_key
    group by refunds.store_id, refunds.refund_id, refunds.currency
),

rows_of_all as (
    select * from from_files
    union all
    select * from from_wecom
    union all
    select * from from_orders
),

-- a record that does not name the account is of the only one that the channel has in that currency
only_accounts as (
    select
        channel,
        currency,
        min(account_id) as account_id
    from accounts
    group by channel, currency
    having count(*) = 1
)

select
    rows_of_all.row_id,
    rows_of_all.channel,
    coalesce(rows_of_all.account_id, only_accounts.account_id) as account_id,
    rows_of_all.store_id,
    rows_of_all.kind,
    rows_of_all.entry_id,
    rows_of_all.reference,
    rows_of_all.transaction_id,
    rows_of_all.order_id,
    rows_of_all.currency,
    rows_of_all.stated_amount,
    case when rows_of_all.is_success then rows_of_all.stated_amount else 0 end as amount,
    rows_of_all.fee_amount,
    rows_of_all.is_success,
    rows_of_all.bill_day,
    rows_of_all.occurred_at
from rows_of_all
left join only_accounts
    on case when rows_of_all.account_id is null then rows_of_all.channel end = only_accounts.channel
    and rows_of_all.currency = only_accounts.currency
