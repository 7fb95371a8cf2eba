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
    {{ lines_of_newest_delivery(source('lake', 'split_lines')) }}
),

-- several bills may hold a line: of all trades and of refunds, of a day and of a month
ranked as (
    select
        *,
        dense_rank() over (
            partition by channel, account_id, kind, entry_id
            order by seq desc
        ) as delivery
    from delivered
),

split_lines as (
    select
        ranked.bill_id,
        ranked.account_id,
        ranked.sub_account_id,
        ranked.entry_id,
        ranked.transaction_id,
        ranked.platform_split_id,
        ranked.split_id,
        ranked.sponsor_id,
        ranked.receiver_id,
        ranked.channel,
        ranked.kind,
        ranked.business_type,
        ranked.status,
        ranked.note,
        ranked.extra,
        ranked.currency,
        ranked.settlement_currency,
        ranked.occurrence,
        ranked.exchange_rate,
        ranked.order_amount,
        ranked.amount,
        ranked.settlement_amount,
        ranked.bill_date,
        ranked.occurred_at
    from ranked
    cross join this_run
    where ranked.delivery = 1 and ranked.occurred_at < this_run.as_of
)

select * from split_lines
