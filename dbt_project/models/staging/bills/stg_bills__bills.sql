with bill_rows as (
    select * from {{ source('lake', 'bills') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    select
        bill_rows.*,
        batches.seq
    from bill_rows
    inner join batches on bill_rows._batch = batches.batch
    qualify row_number() over (partition by bill_rows.bill_id order by batches.seq desc) = 1
),

bills as (
    select
        newest.bill_id,
        newest.account_id,
        newest.channel,
        newest.bill_type,
        newest.account_type,
        newest.file,
        newest.sha256,
        newest.currency,
        newest.lines,
        newest.quarantined_lines,
        newest.declared_lines,
        newest.income_amount,
        newest.expense_amount,
        newest.fee_e5,
        newest.opening_balance,
        newest.closing_balance,
        newest.starts_on,
        newest.ends_on,
        newest.seq as delivered_in
    from newest
    cross join this_run
    where newest.starts_on < this_run.business_date
)

select * from bills
