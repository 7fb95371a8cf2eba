-- Friends that were lost. A friendship begins when the follow-up does and ends once; of all that is known of its end the
-- strongest says why: it was handed over, its employee left, one of the two deleted the other. Where nothing does, a pass
-- that no longer saw it says only that it is over.
with follow_rows as (
    select * from {{ source('lake', 'wecom_follows') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

last_passes as (
    select * from {{ ref('stg_wecom__passes') }}
    where object = 'follows'
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

wecom_events as (
    select * from {{ ref('stg_wecom__events') }}
),

transfers as (
    select * from {{ ref('stg_wecom__transfers') }}
),

unassigned as (
    select * from {{ ref('stg_wecom__unassigned') }}
),

staff as (
    select * from {{ ref('stg_wecom__staff') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
    where identifier_type = 'external_userid' and is_owner
),

observed as (
    select
        follow_rows.corp_id,
        follow_rows.userid,
        follow_rows.external_userid,
        follow_rows.followed_at,
        max(case when not coalesce(follow_rows.is_gone, false) then batches.seq end) as seen_seq,
        max(case when follow_rows.is_gone then batches.seq end) as gone_seq,
        max(case when follow_rows.is_gone then batches.landed_at end) as gone_at,
        max(case when not coalesce(follow_rows.is_gone, false) then follow_rows.content end) as content,
        max(case when follow_rows.sync_id = last_passes.sync_id then 1 else 0 end) as in_last_pass,
        max(last_passes.seq) as last_pass_seq,
        max(passes.landed_at) as last_pass_at
    from follow_rows
    inner join batches on follow_rows._batch = batches.batch
    cross join this_run
    left join last_passes on follow_rows.corp_id = last_passes.corp_id
    left join batches as passes on last_passes.seq = passes.seq
    where follow_rows.followed_at < this_run.as_of
    group by follow_rows.corp_id, follow_rows.userid, follow_rows.external_userid, follow_rows.followed_at
),

friendships as (
    select
        accounts.userid,
        observed.external_userid,
        observed.followed_at,
        lead(observed.followed_at) over (
            partition by accounts.userid, observed.external_userid order by observed.followed_at
        ) as followed_again_at,
        -- a row that came before the notes of what is gone (no content) is judged by the last pass, as stg_wecom__follows does
        case
            when observed.gone_seq > observed.seen_seq then observed.gone_at
            when observed.content is null and observed.gone_seq is null and observed.in_last_pass = 0
                and observed.seen_seq <= observed.last_pass_seq
                then observed.last_pass_at
        end as missed_at
    from observed
    inner join accounts
        on observed.corp_id = accounts.corp_id
        and observed.userid = accounts.account_userid
),

told as (
    select
        userid,
        external_userid,
        case
            when change_type = 'del_follow_user' then 'deleted_by_customer'
            when source = 'DELETE_BY_TRANSFER' then 'handed_over'
            else 'deleted_by_staff'
        end as cause,
        case when source = 'DELETE_BY_TRANSFER' then 1 else 3 end as cause_rank,
        occurred_at as lost_at
    from wecom_events
    where event = 'change_external_contact'
        and change_type in ('del_follow_user', 'del_external_contact')
        and userid is not null
        and external_userid is not null
    union all
    select
        handover_userid as userid,
        external_userid,
        'handed_over' as cause,
        1 as cause_rank,
        taken_over_at as lost_at
    from transfers
    union all
    select
        handover_userid as userid,
        external_userid,
        'staff_left' as cause,
        2 as cause_rank,
        left_at as lost_at
    from unassigned
),

ends as (
    select
        told.userid,
        told.external_userid,
        friendships.followed_at,
        told.cause,
        told.cause_rank,
        true as is_exact,
        told.lost_at
    from told
    left join friendships
        on told.userid = friendships.userid
        and told.external_userid = friendships.external_userid
        and told.lost_at >= friendships.followed_at
        and (friendships.followed_again_at is null or told.lost_at < friendships.followed_again_at)
    union all
    select
        friendships.userid,
        friendships.external_userid,
        friendships.followed_at,
        case when not staff.is_current or staff.status = 5 then 'staff_left' else 'unknown' end as cause,
        4 as cause_rank,
        false as is_exact,
        -- what this run knows is known before its day; a friend who was added again was lost before
        least(
            friendships.missed_at,
            this_run.as_of - interval 1 second,
            coalesce(friendships.followed_again_at, this_run.as_of - interval 1 second)
        ) as lost_at
    from friendships
    cross join this_run
    left join staff on friendships.userid = staff.userid
    where friendships.missed_at is not null
),

losses as (
    select * from ends
    qualify row_number() over (
        partition by userid, external_userid, followed_at order by cause_rank, lost_at, cause
    ) = 1
),

-- two ends of friendships that nobody saw begin, in one second, are one
friend_losses as (
    select
        losses.userid,
        losses.external_userid,
        identifiers.customer_id,
        staff_periods.store_id,
        losses.cause,
        losses.is_exact,
        losses.followed_at,
        losses.lost_at
    from losses
    cross join this_run
    left join identifiers on losses.external_userid = identifiers.identifier
    left join staff_periods
        on losses.userid = staff_periods.staff_id
        and staff_periods.valid_from <= {{ local_date('losses.lost_at', 'this_run.company_timezone') }}
        and {{ local_date('losses.lost_at', 'this_run.company_timezone') }} < staff_periods.valid_to
    qualify row_number() over (
        partition by losses.userid, losses.external_userid, losses.lost_at order by losses.followed_at desc nulls last
    ) = 1
)

select * from friend_losses
