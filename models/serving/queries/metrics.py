"""Figures by period and place, as the glossary names them. What has no row is 0; ratios are made of these when read."""

from models.serving.query import AMOUNT, BOOLEAN, COUNT, DAY, TEXT, Choice, Day, Key, Keys, Limit, Query

DIMENSIONS = ("company", "store", "region", "channel", "party_role")

GLOSSARY = Query(
    id="metric_glossary",
    sql="select * from visible_metric_glossary order by place",
    columns={
        "place": COUNT,
        **dict.fromkeys(
            (
                *("metric", "kind", "unit", "owner", "dimensions", "name_zh", "name_en", "meaning_zh", "meaning_en"),
                *("formula_zh", "formula_en", "mart", "condition", "measure", "plus_of", "minus_of", "over_of"),
            ),
            TEXT,
        ),
        "has_currency": BOOLEAN,
    },
    parameters={},
)

# Merges and splits are told by what earlier runs decided; they are counted here and not in the mart, whose rows must
# not depend on which runs there were.
_KEPT = """
        identity_days as (
            select 'identity_' || kind || 's' as metric, decided_on from visible_identity_events
        ),
        kept as (
            select metric, period_kind, period_start, dimension_kind, dimension_id, currency, value from visible_metrics
            union all
            select metric, 'day', decided_on, 'company', '', '', count(*) from identity_days group by all
            union all
            select metric, 'month', date_trunc('month', decided_on)::date, 'company', '', '', count(*)
            from identity_days group by all
        )
"""
_VALUE = {
    "metric": TEXT,
    "period_start": DAY,
    "dimension_id": TEXT,
    "currency": TEXT,
    "value": AMOUNT,
}

VALUES = Query(
    id="metric_values",
    sql=_KEPT  # noqa: S608 - both parts stand here
    + """
        select kept.metric, kept.period_start, kept.dimension_id, kept.currency, kept.value
        from kept
        left join visible_metric_glossary on visible_metric_glossary.metric = kept.metric
        where
            list_contains($metrics, kept.metric)
            and visible_metric_glossary.kind is distinct from 'stock'
            and kept.period_kind = $period_kind
            and kept.period_start between $first and $last
            and kept.dimension_kind = $dimension_kind
            and ($dimension_id is null or kept.dimension_id = $dimension_id)
        order by kept.metric, kept.period_start, kept.dimension_id, kept.currency
        limit $limit
    """,
    columns=_VALUE,
    parameters={
        "metrics": Keys(),
        "period_kind": Choice(("day", "month")),
        "dimension_kind": Choice(DIMENSIONS),
        "dimension_id": Key(optional=True),
        "first": Day(),
        "last": Day(),
        "limit": Limit(default=10_000, most=100_000),
    },
)

# A stock has a row where it changed; the newest one up to a period holds.
STANDING = Query(
    id="metric_standing",
    sql="""
        select metric, max(period_start) as period_start, dimension_id, currency, max_by(value, period_start) as value
        from visible_metrics
        where
            metric in (select metric from visible_metric_glossary where kind = 'stock')
            and list_contains($metrics, metric)
            and period_kind = $period_kind
            and period_start <= $last
            and dimension_kind = $dimension_kind
            and ($dimension_id is null or dimension_id = $dimension_id)
        group by metric, dimension_id, currency
        order by metric, dimension_id, currency
        limit $limit
    """,
    columns=_VALUE,
    parameters={
        "metrics": Keys(),
        "period_kind": Choice(("day", "month")),
        "dimension_kind": Choice(DIMENSIONS),
        "dimension_id": Key(optional=True),
        "last": Day(),
        "limit": Limit(default=10_000, most=100_000),
    },
)

# As they stand now: figures without history, each from the table that the glossary names.
STATES = Query(
    id="metric_states",
    sql="""
        select 'customers' as metric, (select count(*) from visible_customers) as value
        union all
        select 'customers_at_risk', (select count(*) from visible_churn_scores where band = 'high')
        union all
        select 'data_days_behind', (select max(days_behind) from visible_data_freshness where dataset = 'orders')
        order by metric
    """,
    columns={"metric": TEXT, "value": COUNT},
    parameters={},
)

PLACES = Query(
    id="metric_places",
    sql="""
        select distinct dimension_kind, dimension_id, visible_stores.name
        from visible_metrics
        left join visible_stores on dimension_kind = 'store' and visible_stores.store_id = dimension_id
        where period_kind = 'month' and dimension_kind in ('company', 'store', 'region', 'channel')
        order by dimension_kind, dimension_id
        limit $limit
    """,
    columns={"dimension_kind": TEXT, "dimension_id": TEXT, "name": TEXT},
    parameters={"limit": Limit(default=1000)},
)

QUERIES = (GLOSSARY, VALUES, STANDING, STATES, PLACES)
