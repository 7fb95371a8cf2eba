-- Numbers of the channel that one side has more than once. The first row that went well meets the other side; further ones are
-- duplicates, unless several payments of ours are together exactly what the bill has under that number.
with open_rows as (
    select * from {{ ref('reconciliation_open_rows') }}
    where entry_id is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by side, channel, account_id, kind, entry_id
            order by is_success desc, occurred_at, row_id
        ) as place
    from open_rows
),

numbers as (
    select
        channel,
        account_id,
        kind,
        entry_id,
        min(case when side = 'ours' and place = 1 then row_id end) as first_of_ours,
        min(case when side = 'bill' and place = 1 then row_id end) as first_on_bill,
        sum(case when side = 'ours' and is_success then 1 else 0 end) > 1
            and sum(case when side = 'ours' then amount else 0 end) = sum(case when side = 'bill' and place = 1 then amount else 0 end)
            and max(case when side = 'bill' and place = 1 and is_success then 1 else 0 end) = 1
            and min(case when is_success and (side = 'ours' or place = 1) then currency end)
            = max(case when is_success and (side = 'ours' or place = 1) then currency end) as are_one_payment
    from ranked
    group by channel, account_id, kind, entry_id
),

repeats as (
    select
        ranked.row_id,
        ranked.side,
        case
            when ranked.place = 1 or (ranked.side = 'ours' and ranked.is_success and numbers.are_one_payment)
                then numbers.first_of_ours
            else ranked.row_id
        end as match_id,
        case
            when ranked.place = 1 and numbers.are_one_payment then 'many_to_one'
            when ranked.place = 1 then 'number'
            when not ranked.is_success then 'none'
            when ranked.side = 'ours' and numbers.are_one_payment then 'many_to_one'
            else 'duplicate'
        end as method
    from ranked
    inner join numbers
        on ranked.channel = numbers.channel
        and ranked.account_id = numbers.account_id
        and ranked.kind = numbers.kind
        and ranked.entry_id = numbers.entry_id
    -- the first of a number that the other side does not have is looked for by other means
    where ranked.place > 1 or (numbers.first_of_ours is not null and numbers.first_on_bill is not null)
)

select * from repeats
