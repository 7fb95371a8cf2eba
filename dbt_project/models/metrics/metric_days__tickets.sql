-- Each thing that happens to a ticket on its own day, so that a closed day never changes because of what came later.
with tickets as (
    select * from {{ ref('stg_files__tickets') }}
),

stores as (
    select * from {{ ref('stores') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

facts as (
    select
        'opened' as fact,
        opened_at as happened_at,
        cast(0 as bigint) as waited,
        store_id,
        channel
    from tickets
    union all
    select
        'answered' as fact,
        first_answered_at as happened_at,
        {{ epoch_seconds('first_answered_at') }} - {{ epoch_seconds('opened_at') }} as waited,
        store_id,
        channel
    from tickets
    where first_answered_at is not null
    union all
    select
        'solved' as fact,
        resolved_at as happened_at,
        cast(0 as bigint) as waited,
        store_id,
        channel
    from tickets
    where resolved_at is not null
),

counted as (
    select
        {{ civil_day('facts.happened_at') }} as metric_date,
        stores.store_id,
        facts.channel,
        count(case when facts.fact = 'opened' then 1 end) as tickets_opened,
        count(case when facts.fact = 'answered' then 1 end) as tickets_answered,
        count(case when facts.fact = 'solved' then 1 end) as tickets_solved,
        sum(facts.waited) as first_answer_seconds
    from facts
    cross join this_run
    left join stores on facts.store_id = stores.store_id
    group by all
),

days as (
    {{ in_their_region('counted') }}
),

metric_days as (
    {{ one_row_a_metric(
        'days',
        ['tickets_opened', 'tickets_answered', 'tickets_solved', 'first_answer_seconds'],
        ['store_id', 'region', 'channel'],
        currency=false,
    ) }}
)

select * from metric_days
