-- Contacts that were handed over and are with the taker now.
with transfer_rows as (
    select * from {{ source('lake', 'wecom_transfers') }}
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
        transfer_rows.*,
        batches.seq
    from transfer_rows
    inner join batches on transfer_rows._batch = batches.batch
    qualify row_number() over (
        partition by
            transfer_rows.corp_id, transfer_rows.kind, transfer_rows.handover_userid, transfer_rows.takeover_userid,
            transfer_rows.external_userid
        order by batches.seq desc, transfer_rows._row desc
    ) = 1
),

transfers as (
    select
        newest.corp_id,
        newest.kind,
        coalesce(accounts.userid, newest.handover_userid) as handover_userid,
        coalesce(takers.userid, newest.takeover_userid) as takeover_userid,
        newest.external_userid,
        newest.taken_over_at
    from newest
    cross join this_run
    left join accounts
        on newest.corp_id = accounts.corp_id
        and newest.handover_userid = accounts.account_userid
    left join accounts as takers
        on newest.corp_id = takers.corp_id
        and newest.takeover_userid = takers.account_userid
    where newest.status = 1 and newest.taken_over_at < this_run.as_of
)

select * from transfers
