-- Payments taken before as_of, in fen; what was given back is the sum of the refunds asked for before as_of.
with payment_rows as (
    select * from {{ source('lake', 'wecom_payments') }}
),

refunds as (
    select * from {{ ref('stg_wecom__payment_refunds') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

newest as (
    select
        payment_rows.*,
        batches.seq
    from payment_rows
    inner join batches on payment_rows._batch = batches.batch
    cross join this_run
    where payment_rows.paid_at < this_run.as_of
    qualify row_number() over (
        partition by payment_rows.corp_id, payment_rows.transaction_id
        order by batches.seq desc, payment_rows._row desc
    ) = 1
),

given_back as (
    select
        corp_id,
        transaction_id,
        cast(sum(amount) as bigint) as refunded_amount
    from refunds
    group by corp_id, transaction_id
),

payments as (
    select
        newest.corp_id,
        newest.transaction_id,
        newest.out_trade_no,
        newest.external_userid,
        coalesce(accounts.userid, newest.payee_userid) as payee_userid,
        newest.mch_id,
        newest.payment_type,
        newest.amount,
        coalesce(given_back.refunded_amount, 0) as refunded_amount,
        newest.paid_at
    from newest
    left join given_back
        on newest.corp_id = given_back.corp_id
        and newest.transaction_id = given_back.transaction_id
    left join accounts
        on newest.corp_id = accounts.corp_id
        and newest.payee_userid = accounts.account_userid
)

select * from payments
