-- The accounts that have bills: only these can be compared. Since when, and up to which day.
with bill_lines as (
    select * from {{ ref('reconciliation_bill_lines') }}
),

accounts as (
    select
        channel,
        account_id,
        -- of an account that pays in several currencies the usual one
        max_by(currency, lines_count) as currency,
        cast(sum(lines_count) as bigint) as lines_count,
        min(first_day) as first_day,
        max(last_day) as last_day
    from (
        select
            channel,
            account_id,
            currency,
            count(*) as lines_count,
            min(bill_day) as first_day,
            max(bill_day) as last_day
        from bill_lines
        group by channel, account_id, currency
    ) as by_currency
    group by channel, account_id
)

select * from accounts
