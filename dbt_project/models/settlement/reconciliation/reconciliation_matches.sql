{{ config(materialized='ephemeral') }}
-- What became of all rows: pairs by the channel's number, those that agree as sums, and what else belongs together or is alone, with
-- the class. The amount of a row that failed is 0.
with pairs as (
    select * from {{ ref('reconciliation_rows') }}
    where (ours_id is null) = (bill_id is null)
),

members as (
    select * from {{ ref('reconciliation_members') }}
),

orphans as (
    select * from {{ ref('reconciliation_orphans') }}
),

rules as (
    select * from {{ source('lake', 'reconciliation_rules') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

of_pairs as (
    select
        pairs.row_id as match_id,
        'number' as method,
        pairs.channel,
        pairs.account_id,
        pairs.store_id,
        pairs.kind,
        pairs.pairs_count as ours_count,
        pairs.pairs_count as bill_count,
        pairs.ours_id is null as is_sum,
        pairs.ours_currency,
        pairs.bill_currency,
        pairs.ours_amount,
        pairs.bill_amount,
        pairs.ours_fee,
        pairs.bill_fee,
        pairs.ours_success,
        pairs.bill_success,
        pairs.ours_day = pairs.bill_day as is_on_one_day,
        pairs.is_orphan,
        pairs.ours_day,
        pairs.bill_day
    from pairs
),

of_members as (
    select
        members.match_id,
        min(members.method) as method,
        min(members.channel) as channel,
        min(members.account_id) as account_id,
        -- who sees one store must not see what another one took
        case when min(members.store_id) = max(members.store_id) then min(members.store_id) end as store_id,
        min(members.kind) as kind,
        sum(case when members.side = 'ours' then 1 else 0 end) as ours_count,
        sum(case when members.side = 'bill' then 1 else 0 end) as bill_count,
        false as is_sum,
        min(case when members.side = 'ours' then members.currency end) as ours_currency,
        min(case when members.side = 'bill' then members.currency end) as bill_currency,
        cast(sum(case when members.side = 'ours' then members.amount end) as bigint) as ours_amount,
        cast(sum(case when members.side = 'bill' then members.amount end) as bigint) as bill_amount,
        -- a fee of which a part is not known is not known
        case
            when sum(case when members.side = 'ours' and members.fee_amount is null then 1 else 0 end) = 0
                then cast(sum(case when members.side = 'ours' then members.fee_amount end) as bigint)
        end as ours_fee,
        case
            when sum(case when members.side = 'bill' and members.fee_amount is null then 1 else 0 end) = 0
                then cast(sum(case when members.side = 'bill' then members.fee_amount end) as bigint)
        end as bill_fee,
        max(case when members.side = 'ours' and members.is_success then 1 else 0 end) = 1 as ours_success,
        max(case when members.side = 'bill' and members.is_success then 1 else 0 end) = 1 as bill_success,
        min(members.bill_day) = max(members.bill_day) as is_on_one_day,
        count(orphans.row_id) = count(*) as is_orphan,
        min(case when members.side = 'ours' then members.bill_day end) as ours_day,
        min(case when members.side = 'bill' then members.bill_day end) as bill_day
    from members
    left join orphans on members.row_id = orphans.row_id
    group by members.match_id
),

matches as (
    select * from of_pairs
    union all
    select * from of_members
),

asked as (
    select
        matches.*,
        rules.missing_after_days,
        this_run.business_date,
        rules.fee_tolerance,
        {{ difference_flags() }}
    from matches
    cross join rules
    cross join this_run
),

classified as (
    select
        *,
        case
            when is_sum then 'MATCHED'
            when method = 'duplicate' then 'DUPLICATE'
            when not coalesce(ours_success, false) and not coalesce(bill_success, false) then 'MATCHED'
            when ours_count = 0 then 'PLATFORM_MISSING'
            when bill_count = 0 and {{ days_between('ours_day', 'business_date') }} > missing_after_days then 'CHANNEL_MISSING'
            when bill_count = 0 then 'TIMING'
            else coalesce({{ first_difference(0) }}, 'MATCHED')
        end as class,
        case
            when is_sum or method = 'duplicate' then null
            when not coalesce(ours_success, false) and not coalesce(bill_success, false) then null
            when ours_count = 0 or bill_count = 0 then case when is_orphan then 'REFUND_ORPHAN' end
            else {{ further_difference() }}
        end as further_class
    from asked
)

select
    match_id,
    class,
    further_class,
    method,
    channel,
    account_id,
    store_id,
    kind,
    is_sum,
    cast(ours_count as bigint) as ours_count,
    cast(bill_count as bigint) as bill_count,
    ours_currency,
    bill_currency,
    ours_amount,
    bill_amount,
    ours_fee,
    bill_fee,
    ours_day,
    bill_day
from classified
