-- The accounts that have bills: only these can be compared. Since when, and up to which day.
with bill_lines as (
    select * from {{ ref('reconciliation_bill_lines') }}
),

by_currency as (
    select
        channel,
        account_id,
        currency,
        count(*) as lines_count,
        min(bill_day) as first_day,
        max(bill_day) as last_day
    from bill_lines
    group by channel, account_id, currency
),

-- of an account that pays in several currencies the usual one
usual_currencies as (
    select
        channel,
        account_id,
        currency
    from by_currency
    qualify row_number() over (partition by channel, account_id order by lines_count desc, currency) = 1
),

accounts as (
    select
        by_currency.channel,
        by_currency.account_id,
        usual_currencies.currency,
        cast(sum(by_currency.lines_count) as bigint) as lines_count,
        min(by_currency.first_day) as first_day,
        max(by_currency.last_day) as last_day
    from by_currency
    inner join usual_currencies
        on by_currency.channel = usual_currencies.channel
        and by_currency.account_id = usual_currencies.account_id
    group by by_currency.channel, by_currency.account_id, usual_currencies.currency
)

select * from accounts
