"""Can the figures be trusted: freshness, checks, what came in and what was turned away, the estimators' cards."""

from models.serving.query import BOOLEAN, COUNT, DAY, TEXT, TIME, Limit, Query

FRESHNESS = Query(
    id="data_freshness",
    sql="""
        select dataset, rows_count, days_behind, last_event_at
        from visible_data_freshness
        order by dataset
        limit $limit
    """,
    columns={"dataset": TEXT, "rows_count": COUNT, "days_behind": COUNT, "last_event_at": TIME},
    parameters={"limit": Limit()},
)

CHECKS = Query(
    id="quality_checks",
    sql="""
        select check_name, passed, failing_rows
        from visible_quality_checks
        order by passed, check_name
        limit $limit
    """,
    columns={"check_name": TEXT, "passed": BOOLEAN, "failing_rows": COUNT},
    parameters={"limit": Limit(default=1000)},
)

# By door too: a consent comes in by file and again, once, from the store that kept it.
ACCOUNTING = Query(
    id="import_accounting",
    sql="""
        select
            dataset,
            split_part(source, ':', 1) as door,
            count(distinct seq) as batches,
            sum("rows")::bigint as "rows",
            sum(accepted)::bigint as accepted,
            sum(quarantined)::bigint as quarantined,
            sum(skipped)::bigint as skipped
        from visible_batches
        group by dataset, door
        order by dataset, door
        limit $limit
    """,
    columns={
        "dataset": TEXT,
        "door": TEXT,
        "batches": COUNT,
        "rows": COUNT,
        "accepted": COUNT,
        "quarantined": COUNT,
        "skipped": COUNT,
    },
    parameters={"limit": Limit()},
)

BATCHES = Query(
    id="batches",
    sql="""
        select seq, source, dataset, "rows", accepted, quarantined, skipped
        from visible_batches
        order by seq desc, dataset
        limit $limit
    """,
    columns={
        "seq": COUNT,
        "source": TEXT,
        "dataset": TEXT,
        "rows": COUNT,
        "accepted": COUNT,
        "quarantined": COUNT,
        "skipped": COUNT,
    },
    parameters={"limit": Limit(default=50)},
)

# A connector's batch says where it is from as <system>:<account>/<stream>; a file's name may hold a slash too.
SOURCES = Query(
    id="sources",
    sql="""
        select
            split_part(source, ':', 1) as system,
            regexp_extract(source, '^[^:]+:(.*)/[^/]*$', 1) as account,
            regexp_extract(source, '[^/]*$') as stream,
            sum(accepted)::bigint as landed,
            sum(quarantined)::bigint as quarantined,
            sum(skipped)::bigint as known_before,
            max(seq) as newest_batch,
            max(landed_at) filter (accepted > 0) as landed_at
        from visible_batches
        where
            regexp_matches(source, '^[^:/]+:.+/[^/]+$')
            and split_part(source, ':', 1) not in ('file', 'bill', 'sandbox')
        group by source
        order by source
        limit $limit
    """,
    columns={
        "system": TEXT,
        "account": TEXT,
        "stream": TEXT,
        "landed": COUNT,
        "quarantined": COUNT,
        "known_before": COUNT,
        "newest_batch": COUNT,
        "landed_at": TIME,
    },
    parameters={"limit": Limit()},
)

# An order or a refund in such a state is counted by what else it says: totals that rest on it may be off.
UNKNOWN_STATES = Query(
    id="unknown_states",
    sql="""
        select dataset, store_id, state, records_count
        from visible_unknown_states
        order by records_count desc, dataset, store_id, state
        limit $limit
    """,
    columns={"dataset": TEXT, "store_id": TEXT, "state": TEXT, "records_count": COUNT},
    parameters={"limit": Limit()},
)

ESTIMATORS = Query(
    id="estimators",
    sql="""
        select estimator, artifact_id, trained_on, metrics
        from visible_estimators
        order by estimator
        limit $limit
    """,
    columns={"estimator": TEXT, "artifact_id": TEXT, "trained_on": DAY, "metrics": TEXT},
    parameters={"limit": Limit()},
)

QUERIES = (FRESHNESS, CHECKS, ACCOUNTING, BATCHES, SOURCES, UNKNOWN_STATES, ESTIMATORS)
