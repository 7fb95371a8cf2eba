-- What amount and time find, one to one: only payments of ours that know no number of the channel, and only where numbers of the
-- merchant do not speak against it. Each must be the nearest of the other; two that are as near leave both open.
with open_rows as (
    select open_rows.*
    from {{ ref('reconciliation_open_rows') }} as open_rows
    left join {{ ref('reconciliation_repeats') }} as repeats on open_rows.row_id = repeats.row_id
    left join {{ ref('reconciliation_by_reference') }} as by_reference on open_rows.row_id = by_reference.row_id
    where open_rows.is_success and repeats.row_id is null and by_reference.row_id is null
),

rules as (
    select * from {{ source('lake', 'reconciliation_rules') }}
),

near as (
    select
        ours.row_id as ours_id,
        on_bill.row_id as bill_id,
        abs({{ epoch_micros('ours.occurred_at') }} - {{ epoch_micros('on_bill.occurred_at') }}) as apart
    from open_rows as ours
    inner join open_rows as on_bill
        on ours.channel = on_bill.channel
        and ours.account_id = on_bill.account_id
        and ours.kind = on_bill.kind
        and ours.currency = on_bill.currency
        and ours.amount = on_bill.amount
    cross join rules
    where ours.side = 'ours'
        and on_bill.side = 'bill'
        and ours.entry_id is null
        and (ours.reference is null or on_bill.reference is null)
        and abs({{ epoch_micros('ours.occurred_at') }} - {{ epoch_micros('on_bill.occurred_at') }}) <= rules.same_time_seconds * 1000000
),

nearest as (
    select
        ours_id,
        bill_id,
        rank() over (partition by ours_id order by apart) as place_for_ours,
        rank() over (partition by bill_id order by apart) as place_for_bill,
        count(*) over (partition by ours_id, apart) as as_near_for_ours,
        count(*) over (partition by bill_id, apart) as as_near_for_bill
    from near
),

pairs as (
    select
        ours_id,
        bill_id
    from nearest
    where place_for_ours = 1 and place_for_bill = 1 and as_near_for_ours = 1 and as_near_for_bill = 1
),

found as (
    select ours_id as row_id, 'ours' as side, ours_id as match_id, 'time' as method from pairs
    union all
    select bill_id as row_id, 'bill' as side, ours_id as match_id, 'time' as method from pairs
)

select * from found
