-- Tags that staff gave in WeCom, over time. A tag has no time of its own: it holds from the pass that first read it with the
-- follow-up (with the very first reading: since the follow-up began) until the pass that read the follow-up without it, or no
-- longer found the follow-up.
with follow_rows as (
    select * from {{ source('lake', 'wecom_follows') }}
),

tag_rows as (
    select * from {{ source('lake', 'wecom_follow_tags') }}
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

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

tags as (
    select * from {{ ref('stg_wecom__tags') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
    where identifier_type = 'external_userid' and is_owner
),

-- Of a follow-up without a tag nothing is asked below, so only those with one are put in order.
tagged as (
    select distinct
        corp_id,
        userid,
        external_userid
    from tag_rows
),

readings as (
    select
        follow_rows.corp_id,
        follow_rows.userid,
        follow_rows.external_userid,
        follow_rows.sync_id,
        max(case when follow_rows.is_gone then 1 else 0 end) as is_gone,
        min(follow_rows.followed_at) as followed_at,
        max(batches.seq) as seq,
        max({{ local_date('batches.landed_at', 'this_run.company_timezone') }}) as read_on
    from follow_rows
    inner join batches on follow_rows._batch = batches.batch
    inner join tagged
        on follow_rows.corp_id = tagged.corp_id
        and follow_rows.userid = tagged.userid
        and follow_rows.external_userid = tagged.external_userid
    cross join this_run
    where follow_rows.followed_at < this_run.as_of
    group by follow_rows.corp_id, follow_rows.userid, follow_rows.external_userid, follow_rows.sync_id
),

ordered_readings as (
    select
        readings.*,
        row_number() over (partition by corp_id, userid, external_userid order by seq, sync_id) as reading_no,
        lead(read_on) over (partition by corp_id, userid, external_userid order by seq, sync_id) as next_read_on
    from readings
),

read_tags as (
    select
        ordered_readings.corp_id,
        ordered_readings.userid,
        ordered_readings.external_userid,
        coalesce(tag_rows.tag_id, 'own:' || tag_rows.tag_name) as tag_key,
        max(tag_rows.tag_id) as tag_id,
        max(tag_rows.tag_name) as tag_name,
        max(tag_rows.tag_group_name) as tag_group_name,
        ordered_readings.reading_no,
        max(ordered_readings.followed_at) as followed_at,
        max(ordered_readings.read_on) as read_on,
        max(ordered_readings.next_read_on) as next_read_on
    from tag_rows
    inner join ordered_readings
        on tag_rows.corp_id = ordered_readings.corp_id
        and tag_rows.userid = ordered_readings.userid
        and tag_rows.external_userid = ordered_readings.external_userid
        and tag_rows.sync_id = ordered_readings.sync_id
    where coalesce(tag_rows.tag_id, tag_rows.tag_name) is not null and ordered_readings.is_gone = 0
    group by
        ordered_readings.corp_id, ordered_readings.userid, ordered_readings.external_userid,
        coalesce(tag_rows.tag_id, 'own:' || tag_rows.tag_name), ordered_readings.reading_no
),

-- readings in a row have the same difference to their number among the tag's own readings
numbered_tags as (
    select
        read_tags.*,
        reading_no - row_number() over (
            partition by corp_id, userid, external_userid, tag_key order by reading_no
        ) as stretch
    from read_tags
),

stretches as (
    select
        corp_id,
        userid,
        external_userid,
        tag_key,
        max(tag_id) as tag_id,
        max_by(tag_name, case when tag_name is not null then reading_no end) as tag_name,
        max_by(tag_group_name, case when tag_group_name is not null then reading_no end) as tag_group_name,
        min(reading_no) as first_reading,
        min(followed_at) as followed_at,
        min(read_on) as first_read_on,
        -- the reading after the last one; none: the tag was there when the follow-up was read last
        case when count(*) = count(next_read_on) then max(next_read_on) end as missed_on
    from numbered_tags
    group by corp_id, userid, external_userid, tag_key, stretch
),

-- a follow-up of a lake of before (no row says that it is gone) ended with the last pass that did not see it
passes_on as (
    select
        last_passes.corp_id,
        {{ local_date('batches.landed_at', 'this_run.company_timezone') }} as passed_on
    from last_passes
    inner join batches on last_passes.seq = batches.seq
    cross join this_run
),

dated as (
    select
        identifiers.customer_id,
        accounts.userid,
        stretches.external_userid,
        stretches.tag_key,
        coalesce(tags.name, stretches.tag_name, stretches.tag_key) as name,
        coalesce(tags.tag_group_name, stretches.tag_group_name) as tag_group,
        least(
            case
                when stretches.first_reading = 1
                    then {{ local_date('stretches.followed_at', 'this_run.company_timezone') }}
                else stretches.first_read_on
            end,
            this_run.business_date
        ) as since,
        case
            when stretches.missed_on is not null then least(stretches.missed_on, this_run.business_date)
            when not follows.is_current then least(passes_on.passed_on, this_run.business_date)
        end as until
    from stretches
    cross join this_run
    inner join accounts
        on stretches.corp_id = accounts.corp_id
        and stretches.userid = accounts.account_userid
    inner join identifiers on stretches.external_userid = identifiers.identifier
    left join follows
        on accounts.userid = follows.userid
        and stretches.external_userid = follows.external_userid
    left join passes_on on stretches.corp_id = passes_on.corp_id
    left join tags
        on stretches.corp_id = tags.corp_id
        and stretches.tag_id = tags.tag_id
),

wecom_tag_periods as (
    select
        dated.customer_id,
        dated.tag_key,
        dated.name,
        dated.tag_group,
        dated.userid as staff_id,
        staff_periods.store_id,
        cast(row_number() over (
            partition by dated.customer_id, dated.tag_key, dated.userid
            order by dated.since, dated.until nulls last, dated.external_userid
        ) as bigint) as period,
        dated.since,
        dated.until
    from dated
    left join staff_periods
        on dated.userid = staff_periods.staff_id
        and staff_periods.valid_from <= dated.since
        and dated.since < staff_periods.valid_to
)

select * from wecom_tag_periods
