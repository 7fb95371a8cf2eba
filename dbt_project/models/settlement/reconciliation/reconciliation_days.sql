-- I16 by day: what ours and the bill's rows of each class add up to. A pair that lies on two days, or in two currencies, puts each
-- of its rows where that row lies.
with matches as (
    select * from {{ ref('reconciliation_matches') }}
),

members as (
    select * from {{ ref('reconciliation_members') }}
),

added_up as (
    select
        channel,
        account_id,
        coalesce(store_id, '*') as store_id,
        class,
        ours_currency,
        bill_currency,
        ours_day,
        bill_day,
        sum(ours_count) as ours_count,
        sum(bill_count) as bill_count,
        sum(ours_amount) as ours_amount,
        sum(bill_amount) as bill_amount
    from matches
    where is_sum or (ours_count <= 1 and bill_count <= 1)
    group by
        channel, account_id, coalesce(store_id, '*'), class, ours_currency, bill_currency, ours_day, bill_day
),

of_groups as (
    select
        members.side,
        members.channel,
        members.account_id,
        coalesce(matches.store_id, '*') as store_id,
        matches.class,
        members.currency,
        members.bill_day,
        members.amount
    from matches
    inner join members on matches.match_id = members.match_id
    where not matches.is_sum and (matches.ours_count > 1 or matches.bill_count > 1)
),

sides as (
    select
        ours_day as day, channel, account_id, store_id, ours_currency as currency, class,
        ours_count, 0 as bill_count, ours_amount, 0 as bill_amount
    from added_up
    where ours_count > 0
    union all
    select
        bill_day as day, channel, account_id, store_id, bill_currency as currency, class,
        0 as ours_count, bill_count, 0 as ours_amount, bill_amount
    from added_up
    where bill_count > 0
    union all
    select
        bill_day as day, channel, account_id, store_id, currency, class,
        case when side = 'ours' then 1 else 0 end as ours_count,
        case when side = 'bill' then 1 else 0 end as bill_count,
        case when side = 'ours' then amount else 0 end as ours_amount,
        case when side = 'bill' then amount else 0 end as bill_amount
    from of_groups
),

days as (
    select
        channel,
        account_id,
        store_id,
        currency,
        class,
        cast(sum(ours_count) as bigint) as ours_count,
        cast(sum(bill_count) as bigint) as bill_count,
        cast(sum(ours_amount) as bigint) as ours_amount,
        cast(sum(bill_amount) as bigint) as bill_amount,
        cast(sum(ours_amount) - sum(bill_amount) as bigint) as difference_amount,
        day
    from sides
    group by channel, account_id, store_id, currency, class, day
)

select * from days
