-- Accounts of staff over all corps. Two corps may have a member of the same userid: the one whose userid the company met
-- first keeps it, others carry their corp in front. The first batch never changes, so that the name stays.
with staff_rows as (
    select * from {{ source('lake', 'wecom_staff') }}
),

follow_rows as (
    select * from {{ source('lake', 'wecom_follows') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

observed as (
    select corp_id, userid, _batch from staff_rows
    union all
    select corp_id, userid, _batch from follow_rows
),

met as (
    select
        observed.corp_id,
        observed.userid,
        min(batches.seq) as first_seq
    from observed
    inner join batches on observed._batch = batches.batch
    group by observed.corp_id, observed.userid
),

accounts as (
    select
        corp_id,
        userid as account_userid,
        case
            when row_number() over (partition by userid order by first_seq, corp_id) = 1 then userid
            else {{ key_part('corp_id') }} || ':' || userid
        end as userid
    from met
)

select * from accounts
