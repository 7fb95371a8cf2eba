-- Both sides joined by the channel's own number: a row per pair, and per row of which the other side has none. Numbers that one
-- side has more than once are left open here (reconciliation_repeats).
with payments as (
    select * from {{ ref('reconciliation_payments') }}
),

bill_lines as (
    select * from {{ ref('reconciliation_bill_lines') }}
),

-- found by a hash: what shares one by chance is looked at there, too, and comes out the same
repeated as (
    select {{ key_hash(['channel', 'account_id', 'kind', 'entry_id']) }} as key_hash
    from payments
    where entry_id is not null
    group by {{ key_hash(['channel', 'account_id', 'kind', 'entry_id']) }}
    having count(*) > 1
    union
    select {{ key_hash(['channel', 'account_id', 'kind', 'entry_id']) }} as key_hash
    from bill_lines
    group by {{ key_hash(['channel', 'account_id', 'kind', 'entry_id']) }}
    having count(*) > 1
),

of_ours as (
    select
        payments.*,
        case when repeated.key_hash is null then payments.entry_id end as joined_by
    from payments
    left join repeated
        on {{ key_hash(['payments.channel', 'payments.account_id', 'payments.kind', 'payments.entry_id']) }} = repeated.key_hash
),

of_bills as (
    select
        bill_lines.*,
        case when repeated.key_hash is null then bill_lines.entry_id end as joined_by
    from bill_lines
    left join repeated
        on {{ key_hash(['bill_lines.channel', 'bill_lines.account_id', 'bill_lines.kind', 'bill_lines.entry_id']) }} = repeated.key_hash
),

joined as (
    select
        coalesce(of_ours.row_id, of_bills.row_id) as row_id,
        of_ours.row_id as ours_id,
        of_bills.row_id as bill_id,
        coalesce(of_ours.channel, of_bills.channel) as channel,
        coalesce(of_ours.account_id, of_bills.account_id) as account_id,
        coalesce(of_ours.store_id, of_bills.store_id) as store_id,
        coalesce(of_ours.kind, of_bills.kind) as kind,
        -- only rows that are still alone are looked for by these
        case
            when of_bills.row_id is null then of_ours.entry_id
            when of_ours.row_id is null then of_bills.entry_id
        end as entry_id,
        case
            when of_bills.row_id is null then of_ours.reference
            when of_ours.row_id is null then of_bills.reference
        end as reference,
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
        case
            when of_bills.row_id is null then of_ours.occurred_at
            when of_ours.row_id is null then of_bills.occurred_at
        end as occurred_at
    from of_ours
    full outer join of_bills
        on of_ours.channel = of_bills.channel
        and of_ours.account_id = of_bills.account_id
        and of_ours.kind = of_bills.kind
        and of_ours.joined_by = of_bills.joined_by
)

select * from joined
