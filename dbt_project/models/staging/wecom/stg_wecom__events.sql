with event_rows as (
    select * from {{ source('lake', 'wecom_events') }}
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

first_pushed as (
    select
        event_rows.*,
        batches.seq
    from event_rows
    inner join batches on event_rows._batch = batches.batch
    cross join this_run
    where event_rows.occurred_at < this_run.as_of
    qualify row_number() over (
        partition by event_rows.corp_id, event_rows.event_id
        order by batches.seq, event_rows._row
    ) = 1
),

events as (
    select
        first_pushed.corp_id,
        first_pushed.event_id,
        coalesce(accounts.userid, first_pushed.userid) as userid,
        first_pushed.external_userid,
        first_pushed.chat_id,
        first_pushed.object_id,
        first_pushed.event,
        first_pushed.change_type,
        first_pushed.state,
        first_pushed.source,
        first_pushed.fail_reason,
        first_pushed.occurred_at
    from first_pushed
    left join accounts
        on first_pushed.corp_id = accounts.corp_id
        and first_pushed.userid = accounts.account_userid
)

select * from events
