-- Grain: (period_kind, period, party_id, currency). opening + earned - clawback - fee - tax + adjustments - paid = closing, and
-- the opening balance is the closing balance of the statement before. Of a period in which nothing moved there is none: the
-- balance stands on the last one. Amounts are sums over posted days, so days, weeks and months always agree.
with party_days as (
    select * from {{ ref('settlement_party_days') }}
),

watermark as (
    select * from {{ ref('settlement_watermark') }}
),

minimums as (
    select * from {{ source('lake', 'settlement_minimums') }}
),

frozen as (
    select * from {{ source('lake', 'settlement_closed_statements') }}
),

newest_steps as (
    select
        period,
        party_id,
        currency,
        max_by(event, cast(event_id as bigint)) as event
    from {{ ref('stg_store__statement_events') }}
    group by period, party_id, currency
),

mondays as (
    select
        *,
        cast(date_trunc('week', posted_on) as date) as monday
    from party_days
),

of_periods as (
    select
        *,
        'day' as period_kind,
        cast(posted_on as string) as period,
        posted_on as starts_on,
        posted_on as ends_on
    from mondays
    union all
    select
        *,
        'week' as period_kind,
        -- the year of an ISO week is that of its Thursday
        substr(cast(cast(monday + interval 3 day as date) as string), 1, 4) || '-W' || lpad(cast(extract(week from monday) as string), 2, '0') as period,
        monday as starts_on,
        cast(monday + interval 6 day as date) as ends_on
    from mondays
    union all
    select
        *,
        'month' as period_kind,
        substr(cast(posted_on as string), 1, 7) as period,
        cast(date_trunc('month', posted_on) as date) as starts_on,
        last_day(posted_on) as ends_on
    from mondays
),

summed as (
    select
        period_kind,
        period,
        starts_on,
        ends_on,
        party_id,
        currency,
        cast(sum(earned) as bigint) as earned,
        cast(sum(clawback) as bigint) as clawback,
        cast(sum(fee) as bigint) as fee,
        cast(sum(tax) as bigint) as tax,
        cast(sum(adjustments) as bigint) as adjustments,
        cast(sum(paid) as bigint) as paid,
        cast(sum(net) as bigint) as net,
        cast(sum(lines_count) as bigint) as lines_count
    from of_periods
    group by period_kind, period, starts_on, ends_on, party_id, currency
),

balanced as (
    select
        *,
        cast(sum(net) over (
            partition by period_kind, party_id, currency order by starts_on
            rows between unbounded preceding and current row
        ) as bigint) as closing
    from summed
),

-- a statement that was closed keeps the minimum of its time
with_minimums as (
    select
        balanced.*,
        coalesce(frozen.minimum_payout, minimums.minimum_amount, 0) as minimum_payout,
        frozen.sha256
    from balanced
    left join minimums
        on balanced.currency = minimums.currency
    left join frozen
        on balanced.period = frozen.period
        and balanced.party_id = frozen.party_id
        and balanced.currency = frozen.currency
),

final as (
    select
        statements.period_kind,
        statements.period,
        statements.party_id,
        statements.currency,
        case when statements.ends_on < watermark.open_from then coalesce(newest_steps.event, 'closed') else 'provisional' end as state,
        statements.sha256,
        statements.closing - statements.net as opening,
        statements.earned,
        statements.clawback,
        statements.fee,
        statements.tax,
        statements.adjustments,
        statements.paid,
        statements.closing,
        statements.minimum_payout,
        case when statements.closing >= statements.minimum_payout then greatest(statements.closing, 0) else 0 end as payable,
        statements.closing
        - case when statements.closing >= statements.minimum_payout then greatest(statements.closing, 0) else 0 end as carry,
        statements.lines_count,
        statements.starts_on,
        statements.ends_on
    from with_minimums as statements
    cross join watermark
    left join newest_steps
        on statements.period = newest_steps.period
        and statements.party_id = newest_steps.party_id
        and statements.currency = newest_steps.currency
)

select * from final
