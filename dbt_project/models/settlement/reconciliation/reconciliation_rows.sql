-- Both sides joined by the channel's own number. Pairs that agree in everything are counted and added up at once, by day, store and
-- account: of a year they are nearly all rows, and to write each of them again would take longer than all the rest. What differs, and
-- what is alone, is a row. Numbers that one side has more than once are left open here (reconciliation_repeats).
with payments as (
    select * from {{ ref('reconciliation_payments') }}
),

bill_lines as (
    select * from {{ ref('reconciliation_bill_lines') }}
),

orphans as (
    select * from {{ ref('reconciliation_orphans') }}
),

rules as (
    select * from {{ source('lake', 'reconciliation_rules') }}
),

-- Found by a hash, and in the tables themselves: what shares one by chance is looked at there, too, and comes out the same. The
-- number of a payment stands twice on a bill only as occurrences; that of a refund may be the merchant's, or its payment's. What staff
-- took in WeCom is looked at there in any case.
repeated as (
    select {{ key_hash(['entry_id']) }} as key_hash
    from (
        select case when kind = 'refund' then platform_refund_id else transaction_id end as entry_id
        from {{ ref('stg_files__payments') }}
    ) as numbers
    where entry_id is not null
    group by {{ key_hash(['entry_id']) }}
    having count(*) > 1
    union
    select {{ key_hash(['entry_id']) }} as key_hash
    from {{ ref('stg_bills__payment_lines') }}
    where occurrence > 1
    union
    select {{ key_hash(['entry_id']) }} as key_hash
    from {{ ref('stg_bills__payment_lines') }}
    where kind <> 'payment'
    group by {{ key_hash(['entry_id']) }}
    having count(*) > 1
    union
    select {{ key_hash(['transaction_id']) }} as key_hash
    from {{ ref('stg_wecom__payments') }}
),

of_ours as (
    select
        payments.*,
        case when repeated.key_hash is null then payments.entry_id end as joined_by
    from payments
    left join repeated on {{ key_hash(['payments.entry_id']) }} = repeated.key_hash
),

of_bills as (
    select
        bill_lines.*,
        case when repeated.key_hash is null then bill_lines.entry_id end as joined_by
    from bill_lines
    left join repeated on {{ key_hash(['bill_lines.entry_id']) }} = repeated.key_hash
),

joined as (
    select
        *,
        case when not agrees then ours_id end as differing_ours_id,
        case when not agrees then bill_id end as differing_bill_id
    from (
        select
            of_ours.row_id as ours_id,
            of_bills.row_id as bill_id,
            coalesce(of_ours.channel, of_bills.channel) as channel,
            coalesce(of_ours.account_id, of_bills.account_id) as account_id,
            coalesce(of_ours.store_id, of_bills.store_id) as store_id,
            coalesce(of_ours.kind, of_bills.kind) as kind,
            coalesce(of_ours.entry_id, of_bills.entry_id) as entry_id,
            coalesce(of_ours.reference, of_bills.reference) as reference,
            of_ours.currency as ours_currency,
            of_bills.currency as bill_currency,
            of_ours.amount as ours_amount,
            of_bills.amount as bill_amount,
            of_ours.fee_amount as ours_fee,
            of_bills.fee_amount as bill_fee,
            of_ours.is_success as ours_success,
            of_bills.is_success as bill_success,
            of_ours.bill_day as ours_day,
            of_bills.bill_day as bill_day,
            coalesce(of_ours.occurred_at, of_bills.occurred_at) as occurred_at,
            orphans.row_id is not null and orphans_on_bill.row_id is not null as is_orphan,
            coalesce(
                of_ours.bill_day = of_bills.bill_day
                and of_ours.is_success = of_bills.is_success
                and of_ours.currency = of_bills.currency
                and of_ours.amount = of_bills.amount
                and coalesce(abs(of_ours.fee_amount - of_bills.fee_amount) <= rules.fee_tolerance, true)
                and (orphans.row_id is null or orphans_on_bill.row_id is null),
                false
            ) as agrees
        from of_ours
        full outer join of_bills
            on of_ours.joined_by = of_bills.joined_by
            and of_ours.channel = of_bills.channel
            and of_ours.account_id = of_bills.account_id
            and of_ours.kind = of_bills.kind
        cross join rules
        left join orphans on case when of_ours.kind = 'refund' then of_ours.row_id end = orphans.row_id
        left join orphans as orphans_on_bill
            on case when of_bills.kind = 'refund' then of_bills.row_id end = orphans_on_bill.row_id
    ) as compared
),

-- in one pass: a pair that agrees has no ids here, so that all of a day fall into one row
added_up as (
    select
        differing_ours_id as ours_id,
        differing_bill_id as bill_id,
        channel,
        account_id,
        store_id,
        kind,
        ours_currency,
        ours_success,
        ours_day,
        agrees,
        count(*) as pairs_count,
        min(case when not agrees then entry_id end) as entry_id,
        min(case when not agrees then reference end) as reference,
        min(case when not agrees then bill_currency end) as bill_currency,
        cast(sum(ours_amount) as bigint) as ours_amount,
        cast(sum(bill_amount) as bigint) as bill_amount,
        cast(sum(ours_fee) as bigint) as ours_fee,
        cast(sum(bill_fee) as bigint) as bill_fee,
        max(case when not agrees and bill_success then 1 when not agrees and not bill_success then 0 end) = 1 as bill_success,
        max(case when not agrees and is_orphan then 1 else 0 end) = 1 as is_orphan,
        min(case when not agrees then bill_day end) as bill_day,
        min(case when not agrees then occurred_at end) as occurred_at
    from joined
    group by
        differing_ours_id, differing_bill_id, channel, account_id, store_id, kind, ours_currency, ours_success, ours_day, agrees
),

found as (
    select
        case
            when agrees
                then 'agreed:' || {{ key_part('channel') }} || ':' || {{ key_part('account_id') }} || ':' || kind || ':' || ours_currency
                    || ':' || cast(ours_day as string) || ':' || cast(ours_success as string) || ':'
                    || coalesce({{ key_part('store_id') }}, '*')
            else coalesce(ours_id, bill_id)
        end as row_id,
        pairs_count,
        ours_id,
        bill_id,
        channel,
        account_id,
        store_id,
        kind,
        entry_id,
        reference,
        ours_currency,
        case when agrees then ours_currency else bill_currency end as bill_currency,
        ours_amount,
        bill_amount,
        ours_fee,
        bill_fee,
        ours_success,
        case when agrees then ours_success else bill_success end as bill_success,
        is_orphan,
        ours_day,
        case when agrees then ours_day else bill_day end as bill_day,
        occurred_at
    from added_up
)

select * from found
