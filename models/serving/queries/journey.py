"""Journeys and cohorts. Figures count stays that began in a visible store; ``*`` rows are the company's as a whole.

A period is closed, by the Monday of the week of entry. Without a store a viewer of the whole company is told the
company's own rows, everybody else their stores: added where figures may be added, beside each other where not. (Which
rows those are is a list of stores, not a cross join with a count: DuckDB 2.0 then cut sums to eight bits.)
"""

from models.serving.query import AMOUNT, COUNT, DAY, TEXT, TIME, Choice, Day, Key, Limit, Query

CHANNELS = ("online", "store", "undeclared")
_PERIOD = {"first": Day(), "last": Day()}
_STORE = {"store_id": Key(optional=True)}


STAGES = Query(
    id="journey_stages",
    sql="""
        select stage, sort, name_zh, name_en, waits_for, stage_rank, quiet_days, stays_days, target_days, horizon_days
        from visible_journey_stages
        order by stage_rank
    """,
    columns={
        "stage": TEXT,
        "sort": TEXT,
        "name_zh": TEXT,
        "name_en": TEXT,
        "waits_for": TEXT,
        "stage_rank": COUNT,
        "quiet_days": COUNT,
        "stays_days": COUNT,
        "target_days": COUNT,
        "horizon_days": COUNT,
    },
    parameters={},
)

STORES = Query(
    id="journey_stores",
    sql="""
        entered as (
            select store_id, sum(entered_count)::bigint as entered_count
            from visible_journey_stage_days
            group by store_id
        )
        select entered.store_id, visible_stores.name as store_name, entered.entered_count
        from entered
        inner join visible_stores on visible_stores.store_id = entered.store_id
        order by entered.entered_count desc, entered.store_id
        limit $limit
    """,
    columns={"store_id": TEXT, "store_name": TEXT, "entered_count": COUNT},
    parameters={"limit": Limit()},
)

# The median is that of the whole days of stays that have ended: who is still there may stay longer than all of them.
FUNNEL = Query(
    id="journey_funnel",
    sql="""
        stays as (
            select visible_journey_transitions.*, after.sort as next_sort
            from visible_journey_transitions
            left join visible_journey_stages as after on after.stage = next_stage
            where entry_week between $first and $last and ($store_id is null or store_id = $store_id)
        ),
        entered as (
            select
                stage,
                sum(entries_count)::bigint as entered_count,
                coalesce(sum(entries_count) filter (where next_sort <> 'quiet'), 0)::bigint as moved_count,
                coalesce(sum(entries_count) filter (where next_sort = 'quiet'), 0)::bigint as dropped_count,
                coalesce(sum(entries_count) filter (where next_stage = 'none'), 0)::bigint as still_count
            from stays
            group by stage
        ),
        lengths as (
            select stage, days, sum(entries_count) as stays_count
            from stays
            where next_stage <> 'none'
            group by stage, days
        ),
        running as (
            select
                stage, days,
                sum(stays_count) over (partition by stage order by days) as so_far,
                sum(stays_count) over (partition by stage) as all_of_them
            from lengths
        ),
        medians as (
            select stage, min(days) as median_days from running where 2 * so_far >= all_of_them group by stage
        ),
        present as (
            select stage, sum(entered_count - left_count)::bigint as present_count
            from visible_journey_stage_days
            where $store_id is null or store_id = $store_id
            group by stage
        )
        select
            visible_journey_stages.stage, sort, name_zh, name_en, stage_rank, target_days,
            coalesce(entered_count, 0) as entered_count,
            coalesce(moved_count, 0) as moved_count,
            coalesce(dropped_count, 0) as dropped_count,
            coalesce(still_count, 0) as still_count,
            coalesce(present_count, 0) as present_count,
            median_days
        from visible_journey_stages
        left join entered on entered.stage = visible_journey_stages.stage
        left join medians on medians.stage = visible_journey_stages.stage
        left join present on present.stage = visible_journey_stages.stage
        order by stage_rank
    """,
    columns={
        "stage": TEXT,
        "sort": TEXT,
        "name_zh": TEXT,
        "name_en": TEXT,
        "stage_rank": COUNT,
        "target_days": COUNT,
        "entered_count": COUNT,
        "moved_count": COUNT,
        "dropped_count": COUNT,
        "still_count": COUNT,
        "present_count": COUNT,
        "median_days": COUNT,
    },
    parameters={**_PERIOD, **_STORE},
)

FLOW = Query(
    id="journey_flow",
    sql="""
        select
            visible_journey_transitions.stage, next_stage,
            sum(entries_count)::bigint as entries_count,
            sum(seconds_sum)::bigint as seconds_sum
        from visible_journey_transitions
        inner join visible_journey_stages on visible_journey_stages.stage = visible_journey_transitions.stage
        where entry_week between $first and $last and ($store_id is null or store_id = $store_id)
        group by visible_journey_transitions.stage, next_stage, stage_rank
        order by stage_rank, entries_count desc, next_stage
    """,
    columns={"stage": TEXT, "next_stage": TEXT, "entries_count": COUNT, "seconds_sum": COUNT},
    parameters={**_PERIOD, **_STORE},
)

BOTTLENECKS = Query(
    id="journey_bottlenecks",
    sql="""
        places as (
            select distinct store_id from visible_journey_bottlenecks where $store_id is null or store_id = $store_id
        ),
        wanted as (
            select store_id from places
            qualify $store_id is not null or store_id = '*' or max((store_id = '*')::int) over () = 0
        ),
        chosen as (
            select * from visible_journey_bottlenecks where store_id in (select store_id from wanted)
        ),
        named as (
            select chosen.*, visible_stores.name as store_name
            from chosen
            left join visible_stores on visible_stores.store_id = chosen.store_id
        )
        select
            store_id, store_name, stage, next_stage, waits_for, times_count, late_count, target_seconds, mean_seconds,
            median_seconds, p90_seconds, share_ppm, excess_seconds
        from named
        order by waits_for desc, excess_seconds desc, times_count desc, store_id, stage, next_stage
        limit $limit
    """,
    columns={
        "store_id": TEXT,
        "store_name": TEXT,
        "stage": TEXT,
        "next_stage": TEXT,
        "waits_for": TEXT,
        "times_count": COUNT,
        "late_count": COUNT,
        "target_seconds": COUNT,
        "mean_seconds": COUNT,
        "median_seconds": COUNT,
        "p90_seconds": COUNT,
        "share_ppm": COUNT,
        "excess_seconds": COUNT,
    },
    parameters={**_STORE, "limit": Limit()},
)

# Of every store that can be seen, and of the company: a store may move while the company does not.
ALERTS = Query(
    id="journey_alerts",
    sql="""
        select
            week, visible_journey_weeks.store_id, visible_stores.name as store_name, stage, measure, entries_count,
            weeks_count, value, usual, deviation
        from visible_journey_weeks
        left join visible_stores on visible_stores.store_id = visible_journey_weeks.store_id
        where is_alert and week >= $first and ($store_id is null or visible_journey_weeks.store_id = $store_id)
        order by week desc, visible_journey_weeks.store_id, stage, measure
        limit $limit
    """,
    columns={
        "week": DAY,
        "store_id": TEXT,
        "store_name": TEXT,
        "stage": TEXT,
        "measure": TEXT,
        "entries_count": COUNT,
        "weeks_count": COUNT,
        "value": COUNT,
        "usual": COUNT,
        "deviation": COUNT,
    },
    parameters={"first": Day(), **_STORE, "limit": Limit()},
)

# A cohort's size is its month 0, in which all of it bought: a later month has no row of a store where nobody did.
RETENTION = Query(
    id="cohort_retention",
    sql="""
        places as (
            select distinct store_id from visible_cohort_retention where $store_id is null or store_id = $store_id
        ),
        wanted as (
            select store_id from places
            qualify $store_id is not null or store_id = '*' or max((store_id = '*')::int) over () = 0
        ),
        chosen as (
            select * from visible_cohort_retention where store_id in (select store_id from wanted)
        ),
        sizes as (
            select cohort_month, sum(customers_count)::bigint as customers_count
            from chosen
            where months_since = 0 and ($channel is null or channel = $channel)
            group by cohort_month
        ),
        active as (
            select
                cohort_month, months_since,
                sum(active_count)::bigint as active_count,
                sum(orders_count)::bigint as orders_count
            from chosen
            where $channel is null or channel = $channel
            group by cohort_month, months_since
        )
        select active.cohort_month, months_since, customers_count, active_count, orders_count
        from active
        inner join sizes on sizes.cohort_month = active.cohort_month
        where active.cohort_month between $first and $last
        order by active.cohort_month, months_since
    """,
    columns={
        "cohort_month": DAY,
        "months_since": COUNT,
        "customers_count": COUNT,
        "active_count": COUNT,
        "orders_count": COUNT,
    },
    parameters={**_PERIOD, **_STORE, "channel": Choice(CHANNELS, optional=True)},
)

REVENUE = Query(
    id="cohort_revenue",
    sql="""
        places as (
            select distinct store_id from visible_cohort_revenue where $store_id is null or store_id = $store_id
        ),
        wanted as (
            select store_id from places
            qualify $store_id is not null or store_id = '*' or max((store_id = '*')::int) over () = 0
        ),
        chosen as (
            select * from visible_cohort_revenue where store_id in (select store_id from wanted)
        )
        select
            cohort_month, currency,
            sum(paid_amount)::bigint as paid_amount,
            sum(refunded_amount)::bigint as refunded_amount,
            coalesce(sum(paid_amount) filter (where months_since = 0), 0)::bigint as first_amount
        from chosen
        where ($channel is null or channel = $channel) and cohort_month between $first and $last
        group by cohort_month, currency
        order by cohort_month, currency
    """,
    columns={
        "cohort_month": DAY,
        "currency": TEXT,
        "paid_amount": AMOUNT,
        "refunded_amount": AMOUNT,
        "first_amount": AMOUNT,
    },
    parameters={**_PERIOD, **_STORE, "channel": Choice(CHANNELS, optional=True)},
)

#: Asked about by the page of a customer.
OF_CUSTOMER = (
    Query(
        id="customer_journey",
        sql="""
            select
                visible_journey_entries.stage, name_zh, name_en, next_stage, visible_journey_entries.store_id,
                visible_stores.name as store_name, cause_kind, entered_at, left_at
            from visible_journey_entries
            inner join visible_journey_stages on visible_journey_stages.stage = visible_journey_entries.stage
            left join visible_stores on visible_stores.store_id = visible_journey_entries.store_id
            where customer_id = $customer_id
            order by entry_no desc
            limit $limit
        """,
        columns={
            "stage": TEXT,
            "name_zh": TEXT,
            "name_en": TEXT,
            "next_stage": TEXT,
            "store_id": TEXT,
            "store_name": TEXT,
            "cause_kind": TEXT,
            "entered_at": TIME,
            "left_at": TIME,
        },
        parameters={"customer_id": Key(), "limit": Limit()},
    ),
)

QUERIES = (STAGES, STORES, FUNNEL, FLOW, BOTTLENECKS, ALERTS, RETENTION, REVENUE)
