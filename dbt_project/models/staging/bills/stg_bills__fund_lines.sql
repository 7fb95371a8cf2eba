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
    {{ lines_of_newest_delivery(source('lake', 'fund_lines')) }}
),

-- several bills may hold a line: of all trades and of refunds, of a day and of a month
ranked as (
    select
        *,
        dense_rank() over (
            partition by channel, account_id, coalesce(account_type, '*'), entry_id
            order by seq desc
        ) as delivery
    from delivered
),

fund_lines as (
    select
        ranked.bill_id,
        ranked.account_id,
        ranked.entry_id,
        ranked.transaction_id,
        ranked.order_id,
        ranked.voucher_id,
        ranked.base_order_id,
        ranked.business_order_id,
        ranked.channel,
        coalesce(ranked.account_type, '*') as account_type,
        ranked.counterparty,
        ranked.kind,
        ranked.business_name,
        ranked.business_type,
        ranked.business_source,
        ranked.business_description,
        ranked.trade_channel,
        ranked.applicant,
        ranked.product,
        ranked.note,
        ranked.extra,
        ranked.currency,
        ranked.occurrence,
        ranked.amount,
        ranked.balance_after,
        ranked.bill_date,
        ranked.occurred_at
    from ranked
    cross join this_run
    where ranked.delivery = 1 and ranked.occurred_at < this_run.as_of
)

select * from fund_lines
