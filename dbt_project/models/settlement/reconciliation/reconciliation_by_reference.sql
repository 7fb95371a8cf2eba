-- What the merchant's own number finds, never a part of it: first equal amounts, then several rows that are together one of the other
-- side, then what is left under the number, in the order of time.
with open_rows as (
    select open_rows.*
    from {{ ref('reconciliation_open_rows') }} as open_rows
    left join {{ ref('reconciliation_repeats') }} as repeats on open_rows.row_id = repeats.row_id
    where open_rows.reference is not null and repeats.row_id is null
),

ranked_by_amount as (
    select
        *,
        row_number() over (
            partition by side, channel, account_id, kind, reference, currency, amount
            order by occurred_at, row_id
        ) as place
    from open_rows
    where is_success
),

equal_amounts as (
    select
        ours.row_id as ours_id,
        on_bill.row_id as bill_id
    from ranked_by_amount as ours
    inner join ranked_by_amount as on_bill
        on ours.channel = on_bill.channel
        and ours.account_id = on_bill.account_id
        and ours.kind = on_bill.kind
        and ours.reference = on_bill.reference
        and ours.currency = on_bill.currency
        and ours.amount = on_bill.amount
        and ours.place = on_bill.place
    where ours.side = 'ours' and on_bill.side = 'bill'
),

without_equal as (
    select open_rows.*
    from open_rows
    left join (
        select ours_id as row_id from equal_amounts
        union all
        select bill_id as row_id from equal_amounts
    ) as found on open_rows.row_id = found.row_id
    where found.row_id is null
),

sums as (
    select
        channel,
        account_id,
        kind,
        reference,
        sum(case when side = 'ours' then 1 else 0 end) as ours_count,
        sum(case when side = 'bill' then 1 else 0 end) as bill_count,
        sum(case when side = 'ours' then amount else -amount end) as difference,
        min(currency) = max(currency) as is_of_one_currency,
        min(case when side = 'ours' then row_id end) as match_id
    from without_equal
    where is_success
    group by channel, account_id, kind, reference
),

one_to_many as (
    select
        without_equal.row_id,
        without_equal.side,
        sums.match_id,
        case when sums.bill_count > 1 then 'one_to_many' else 'many_to_one' end as method
    from without_equal
    inner join sums
        on without_equal.channel = sums.channel
        and without_equal.account_id = sums.account_id
        and without_equal.kind = sums.kind
        and without_equal.reference = sums.reference
    where without_equal.is_success
        and sums.difference = 0
        and sums.is_of_one_currency
        and ((sums.ours_count = 1 and sums.bill_count > 1) or (sums.ours_count > 1 and sums.bill_count = 1))
),

ranked_in_time as (
    select
        without_equal.*,
        row_number() over (
            partition by without_equal.side, without_equal.channel, without_equal.account_id, without_equal.kind, without_equal.reference
            order by without_equal.is_success desc, without_equal.occurred_at, without_equal.row_id
        ) as place
    from without_equal
    left join one_to_many on without_equal.row_id = one_to_many.row_id
    where one_to_many.row_id is null
),

left_under_the_number as (
    select
        ours.row_id as ours_id,
        on_bill.row_id as bill_id
    from ranked_in_time as ours
    inner join ranked_in_time as on_bill
        on ours.channel = on_bill.channel
        and ours.account_id = on_bill.account_id
        and ours.kind = on_bill.kind
        and ours.reference = on_bill.reference
        and ours.place = on_bill.place
    where ours.side = 'ours' and on_bill.side = 'bill'
),

pairs as (
    select * from equal_amounts
    union all
    select * from left_under_the_number
),

found as (
    select ours_id as row_id, 'ours' as side, ours_id as match_id, 'reference' as method from pairs
    union all
    select bill_id as row_id, 'bill' as side, ours_id as match_id, 'reference' as method from pairs
    union all
    select row_id, side, match_id, method from one_to_many
)

select * from found
