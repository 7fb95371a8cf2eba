-- Contacts of staff who left, whoever has them now: once on the list, a contact was that of somebody who left.
with unassigned_rows as (
    select * from {{ source('lake', 'wecom_unassigned') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

unassigned as (
    select
        unassigned_rows.corp_id,
        coalesce(accounts.userid, unassigned_rows.handover_userid) as handover_userid,
        unassigned_rows.external_userid,
        max(unassigned_rows.left_at) as left_at
    from unassigned_rows
    cross join this_run
    left join accounts
        on unassigned_rows.corp_id = accounts.corp_id
        and unassigned_rows.handover_userid = accounts.account_userid
    where unassigned_rows.left_at < this_run.as_of
    group by unassigned_rows.corp_id, coalesce(accounts.userid, unassigned_rows.handover_userid), unassigned_rows.external_userid
)

select * from unassigned
