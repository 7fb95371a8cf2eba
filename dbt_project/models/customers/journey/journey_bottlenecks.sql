-- Where customers lose time: the process analytics of macros/process.sql over stays, for each store and (store_id `*`) the company.
with entries as (
    select * from {{ ref('journey_entries') }}
),

stages as (
    select * from {{ source('lake', 'journey_stages') }}
),

targets as (
    select
        stage as activity,
        cast(null as string) as next_activity,
        target_days * 86400 as target_seconds,
        case when waits_for <> 'work' then waits_for end as waits_for
    from stages
),

left_stays as (
    select
        coalesce(store_id, 'unknown') as store_id,
        customer_id as case_id,
        stage as activity,
        next_stage as next_activity,
        {{ epoch_micros('left_at') }} - {{ epoch_micros('entered_at') }} as micros
    from entries
    where left_at is not null
),

steps as (
    select * from left_stays
    union all
    select
        '*' as store_id,
        case_id,
        activity,
        next_activity,
        micros
    from left_stays
),

ranked as (
    {{ process_bottlenecks('steps', 'targets', groups=['store_id'], untargeted=false) }}
),

journey_bottlenecks as (
    select
        store_id,
        activity as stage,
        next_activity as next_stage,
        waits_for,
        place,
        times_count,
        late_count,
        cast(target_seconds as bigint) as target_seconds,
        {{ whole('mean_seconds') }} as mean_seconds,
        {{ whole('median_seconds') }} as median_seconds,
        {{ whole('p90_seconds') }} as p90_seconds,
        {{ whole('share * 1000000') }} as share_ppm,
        {{ whole('excess_seconds') }} as excess_seconds
    from ranked
)

select * from journey_bottlenecks
