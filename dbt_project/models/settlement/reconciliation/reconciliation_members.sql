-- Which rows that the channel's number left open belong together, and who is alone. Rows of ours from before an account's first
-- bill are no question, unless a bill has them.
with lone_rows as (
    select * from {{ ref('reconciliation_rows') }}
    where (ours_id is null) <> (bill_id is null)
),

accounts as (
    select * from {{ ref('reconciliation_accounts') }}
),

found as (
    select row_id, match_id, method from {{ ref('reconciliation_repeats') }}
    union all
    select row_id, match_id, method from {{ ref('reconciliation_by_reference') }}
    union all
    select row_id, match_id, method from {{ ref('reconciliation_by_time') }}
),

sided as (
    select
        coalesce(ours_id, bill_id) as row_id,
        case when bill_id is null then 'ours' else 'bill' end as side,
        channel,
        account_id,
        store_id,
        kind,
        coalesce(ours_currency, bill_currency) as currency,
        coalesce(ours_amount, bill_amount) as amount,
        case when bill_id is null then ours_fee else bill_fee end as fee_amount,
        coalesce(ours_success, bill_success) as is_success,
        coalesce(ours_day, bill_day) as bill_day
    from lone_rows
),

members as (
    select
        sided.row_id,
        coalesce(found.match_id, sided.row_id) as match_id,
        sided.side,
        coalesce(found.method, 'none') as method,
        sided.channel,
        sided.account_id,
        sided.store_id,
        sided.kind,
        sided.currency,
        sided.amount,
        sided.fee_amount,
        sided.is_success,
        sided.bill_day
    from sided
    inner join accounts
        on sided.channel = accounts.channel
        and sided.account_id = accounts.account_id
    left join found on sided.row_id = found.row_id
    where sided.side = 'bill'
        or sided.bill_day >= accounts.first_day
        or found.method in ('number', 'reference', 'time', 'one_to_many', 'many_to_one')
)

select * from members
