-- How alive each customer group is: who is in it, who wrote in the last 30 days, who came and went. Nothing says when somebody
-- left: it was by the first pass over groups that no longer saw the member.
with chat_groups as (
    select * from {{ ref('stg_wecom__groups') }}
),

group_members as (
    select * from {{ ref('stg_wecom__group_members') }}
),

member_rows as (
    select * from {{ source('lake', 'wecom_group_members') }}
),

sync_rows as (
    select * from {{ source('lake', 'wecom_syncs') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

messages as (
    select * from {{ ref('stg_chat__messages') }}
),

staff_stores as (
    select * from {{ ref('staff_stores') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

written as (
    select
        messages.corp_id,
        messages.room_id as chat_id,
        messages.from_id as member_id,
        count(*) as messages_count
    from messages
    cross join this_run
    where messages.room_id is not null
        and messages.action = 'send'
        and messages.kind not in ('revoke', 'agree', 'disagree')
        and messages.sent_at >= this_run.as_of - interval 30 day
    group by messages.corp_id, messages.room_id, messages.from_id
),

talk as (
    select
        corp_id,
        chat_id,
        sum(messages_count) as messages_count,
        count(*) as speakers
    from written
    group by corp_id, chat_id
),

passes as (
    select
        sync_rows.corp_id,
        batches.seq,
        batches.landed_at
    from sync_rows
    inner join batches on sync_rows._batch = batches.batch
    where sync_rows.object = 'groups'
),

last_seen as (
    select
        member_rows.corp_id,
        member_rows.chat_id,
        member_rows.member_id,
        max(batches.seq) as seq
    from member_rows
    inner join batches on member_rows._batch = batches.batch
    group by member_rows.corp_id, member_rows.chat_id, member_rows.member_id
),

departures as (
    select
        group_members.corp_id,
        group_members.chat_id,
        group_members.member_id,
        min(passes.landed_at) as missed_at
    from group_members
    inner join last_seen
        on group_members.corp_id = last_seen.corp_id
        and group_members.chat_id = last_seen.chat_id
        and group_members.member_id = last_seen.member_id
    inner join passes
        on last_seen.corp_id = passes.corp_id
        and last_seen.seq < passes.seq
    where not group_members.is_current
    group by group_members.corp_id, group_members.chat_id, group_members.member_id
),

peopled as (
    select
        group_members.corp_id,
        group_members.chat_id,
        count(case when group_members.is_current then 1 end) as members,
        count(case when group_members.is_current and group_members.member_type = 2 then 1 end) as external_members,
        count(case
            when group_members.is_current and group_members.member_type = 2 and written.member_id is null then 1
        end) as silent_members,
        count(case when group_members.joined_at >= this_run.as_of - interval 30 day then 1 end) as joined_30,
        count(case when departures.missed_at >= this_run.as_of - interval 30 day then 1 end) as left_30
    from group_members
    cross join this_run
    left join written
        on group_members.corp_id = written.corp_id
        and group_members.chat_id = written.chat_id
        and group_members.member_id = written.member_id
    left join departures
        on group_members.corp_id = departures.corp_id
        and group_members.chat_id = departures.chat_id
        and group_members.member_id = departures.member_id
    group by group_members.corp_id, group_members.chat_id
),

group_engagement as (
    select
        chat_groups.corp_id,
        chat_groups.chat_id,
        chat_groups.name,
        chat_groups.owner_userid,
        staff_stores.store_id,
        coalesce(peopled.members, 0) as members,
        coalesce(peopled.external_members, 0) as external_members,
        coalesce(cast(talk.messages_count as bigint), 0) as messages_30,
        coalesce(talk.speakers, 0) as speakers_30,
        coalesce(peopled.joined_30, 0) as joined_30,
        coalesce(peopled.left_30, 0) as left_30,
        coalesce(peopled.silent_members, 0) as silent_members,
        -- no outside member: no share
        {{ integer_division('peopled.silent_members * 1000000', 'nullif(peopled.external_members, 0)') }} as silent_ppm,
        chat_groups.is_current,
        chat_groups.created_at
    from chat_groups
    left join peopled
        on chat_groups.corp_id = peopled.corp_id
        and chat_groups.chat_id = peopled.chat_id
    left join talk
        on chat_groups.corp_id = talk.corp_id
        and chat_groups.chat_id = talk.chat_id
    left join staff_stores on chat_groups.owner_userid = staff_stores.userid
)

select * from group_engagement
