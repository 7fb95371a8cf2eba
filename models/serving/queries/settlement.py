"""Settlement: who gets what of each month's sales, down to the entries that explain one line.

``sale_amount`` and ``refund_amount`` are a party's shares of sales and of refunds (refunds are negative),
``amount`` is their sum. Months are the store's civil time. Amounts of two currencies are never in one row.
"""

from models.serving.query import AMOUNT, COUNT, DAY, MOST_ROWS, TEXT, Key, Limit, Query

_MONTH = {"period": Key()}
_SHARES = {"sale_amount": AMOUNT, "refund_amount": AMOUNT, "amount": AMOUNT}

PERIODS = Query(
    id="settlement_periods",
    sql="select distinct period from visible_settlement_summary order by period desc limit $limit",
    columns={"period": TEXT},
    parameters={"limit": Limit()},
)

TOTALS = Query(
    id="settlement_totals",
    sql="""
        select
            currency,
            sum(sale_amount)::bigint as sale_amount,
            sum(refund_amount)::bigint as refund_amount,
            sum(amount)::bigint as amount,
            count(distinct store_id) as stores_count
        from visible_settlement_summary
        where period = $period
        group by currency
        order by amount desc, currency
    """,
    columns={"currency": TEXT, **_SHARES, "stores_count": COUNT},
    parameters=_MONTH,
)

REGIONS = Query(
    id="settlement_by_region",
    sql="""
        select
            region,
            currency,
            party_role,
            sum(sale_amount)::bigint as sale_amount,
            sum(refund_amount)::bigint as refund_amount,
            sum(amount)::bigint as amount
        from visible_settlement_summary
        where period = $period
        group by region, currency, party_role
        order by region, currency, party_role
        limit $limit
    """,
    columns={"region": TEXT, "currency": TEXT, "party_role": TEXT, **_SHARES},
    parameters={**_MONTH, "limit": Limit(default=MOST_ROWS)},
)

STORES = Query(
    id="settlement_by_store",
    sql="""
        select
            visible_settlement_summary.store_id,
            any_value(visible_stores.name) as store_name,
            any_value(visible_settlement_summary.region) as region,
            any_value(visible_settlement_summary.store_type) as store_type,
            visible_settlement_summary.currency,
            visible_settlement_summary.party_role,
            sum(visible_settlement_summary.sale_amount)::bigint as sale_amount,
            sum(visible_settlement_summary.refund_amount)::bigint as refund_amount,
            sum(visible_settlement_summary.amount)::bigint as amount
        from visible_settlement_summary
        left join visible_stores on visible_stores.store_id = visible_settlement_summary.store_id
        where
            visible_settlement_summary.period = $period
            and ($region is null or visible_settlement_summary.region = $region)
        group by
            visible_settlement_summary.store_id,
            visible_settlement_summary.currency,
            visible_settlement_summary.party_role
        order by
            visible_settlement_summary.store_id,
            visible_settlement_summary.currency,
            visible_settlement_summary.party_role
        limit $limit
    """,
    columns={
        "store_id": TEXT,
        "store_name": TEXT,
        "region": TEXT,
        "store_type": TEXT,
        "currency": TEXT,
        "party_role": TEXT,
        **_SHARES,
    },
    parameters={**_MONTH, "region": Key(optional=True), "limit": Limit(default=MOST_ROWS)},
)

PARTIES = Query(
    id="settlement_parties",
    sql="""
        select
            party_role,
            party_id,
            currency,
            sum(sale_amount)::bigint as sale_amount,
            sum(refund_amount)::bigint as refund_amount,
            sum(amount)::bigint as amount,
            sum(lines_count)::bigint as lines_count
        from visible_settlement_summary
        where period = $period and store_id = $store_id
        group by party_role, party_id, currency
        order by currency, amount desc, party_role, party_id
        limit $limit
    """,
    columns={"party_role": TEXT, "party_id": TEXT, "currency": TEXT, **_SHARES, "lines_count": COUNT},
    parameters={**_MONTH, "store_id": Key(), "limit": Limit()},
)

LINES = Query(
    id="settlement_lines",
    sql="""
        select
            line_id,
            posting,
            any_value(order_key) as order_key,
            link_state,
            any_value(currency) as currency,
            any_value(base_amount) as base_amount,
            any_value(economic_date) as economic_date,
            count(*) over () as matches_count
        from visible_settlement_entries
        where period = $period and store_id = $store_id
        group by line_id, posting, link_state
        order by economic_date desc, line_id, link_state
        limit $limit
    """,
    columns={
        "line_id": TEXT,
        "posting": TEXT,
        "order_key": TEXT,
        "link_state": TEXT,
        "currency": TEXT,
        "base_amount": AMOUNT,
        "economic_date": DAY,
        "matches_count": COUNT,
    },
    parameters={**_MONTH, "store_id": Key(), "limit": Limit(default=100)},
)

EXPLAINED = Query(
    id="settlement_explained",
    sql="""
        select
            entry_id, posting, line_id, original_line_id, order_key, store_id, currency, period, rule_id, rule_version,
            party_role, party_id, link_state, component_seq, base_amount, rate_ppm, weight, weight_total,
            floor_amount, rounding, amount, economic_date
        from visible_settlement_entries
        where line_id = $line_id
        order by posting, component_seq
        limit $limit
    """,
    columns={
        "entry_id": TEXT,
        "posting": TEXT,
        "line_id": TEXT,
        "original_line_id": TEXT,
        "order_key": TEXT,
        "store_id": TEXT,
        "currency": TEXT,
        "period": TEXT,
        "rule_id": TEXT,
        "rule_version": TEXT,
        "party_role": TEXT,
        "party_id": TEXT,
        "link_state": TEXT,
        "component_seq": COUNT,
        "base_amount": AMOUNT,
        "rate_ppm": COUNT,
        "weight": COUNT,
        "weight_total": COUNT,
        "floor_amount": AMOUNT,
        "rounding": COUNT,
        "amount": AMOUNT,
        "economic_date": DAY,
    },
    parameters={"line_id": Key(), "limit": Limit()},
)

QUERIES = (PERIODS, TOTALS, REGIONS, STORES, PARTIES, LINES, EXPLAINED)
