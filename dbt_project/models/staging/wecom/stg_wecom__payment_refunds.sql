-- Refunds that did not fail, asked for before as_of; of several versions of a payment the newest says what there is.
with refund_rows as (
    select * from {{ source('lake', 'wecom_payment_refunds') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    select
        refund_rows.*,
        batches.seq
    from refund_rows
    inner join batches on refund_rows._batch = batches.batch
    qualify row_number() over (
        partition by refund_rows.corp_id, refund_rows.transaction_id, refund_rows.out_refund_no
        order by batches.seq desc, refund_rows._row desc
    ) = 1
),

refunds as (
    select
        newest.corp_id,
        newest.transaction_id,
        newest.out_refund_no,
        newest.refund_userid,
        newest.comment,
        newest.status,
        newest.amount,
        newest.requested_at
    from newest
    cross join this_run
    where newest.requested_at < this_run.as_of
        and coalesce(newest.status, 1) <> 2
)

select * from refunds
