"""Settlement: who gets what of each month's sales, down to the entries that explain one line.

``sale_amount`` and ``refund_amount`` are a party's shares of sales and of refunds (refunds are negative),
``amount`` is their sum. Months are the store's civil time. Amounts of two currencies are never in one row.
"""

from models.serving.query import AMOUNT, COUNT, DAY, MOST_ROWS, TEXT, Choice, Key, Limit, Query, Text

_MONTH = {"period": Key()}
_SHARES = {"sale_amount": AMOUNT, "refund_amount": AMOUNT, "amount": AMOUNT}

#: Every combination of what rules ask about, over the stores.
PLACES = Query(
    id="settlement_places",
    sql="""
        select distinct
            country, region, city, store_type, business_type,
            case when store_type = 'online' then 'online' else 'offline' end as channel
        from visible_stores
        order by all
        limit $limit
    """,
    columns=dict.fromkeys(("country", "region", "city", "store_type", "business_type", "channel"), TEXT),
    parameters={"limit": Limit(default=MOST_ROWS)},
)

PERIODS = Query(
    id="settlement_periods",
    sql="select distinct period from visible_settlement_summary order by period desc limit $limit",
    columns={"period": TEXT},
    parameters={"limit": Limit()},
)

ROLES = Query(
    id="settlement_by_role",
    sql="""
        select
            currency,
            party_role,
            sum(sale_amount)::bigint as sale_amount,
            sum(refund_amount)::bigint as refund_amount,
            sum(amount)::bigint as amount
        from visible_settlement_summary
        where period = $period and ($region is null or region = $region)
        group by currency, party_role
        order by currency, amount desc, party_role
        limit $limit
    """,
    columns={"currency": TEXT, "party_role": TEXT, **_SHARES},
    parameters={**_MONTH, "region": Key(optional=True), "limit": Limit(default=MOST_ROWS)},
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
            visible_settlement_summary.region,
            visible_settlement_summary.store_type,
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
            visible_settlement_summary.region,
            visible_settlement_summary.store_type,
            visible_settlement_summary.currency,
            visible_settlement_summary.party_role
        order by
            visible_settlement_summary.store_id,
            visible_settlement_summary.region,
            visible_settlement_summary.store_type,
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

# ``party_name``: of a store or an employee. Headquarters, regions and agents are named by their id.
PARTIES = Query(
    id="settlement_parties",
    sql="""
        parties as (
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
        )
        select parties.*, coalesce(visible_stores.name, visible_staff.name) as party_name
        from parties
        left join visible_stores on visible_stores.store_id = parties.party_id
        left join visible_staff on visible_staff.userid = parties.party_id
        order by parties.currency, parties.amount desc, parties.party_role, parties.party_id
        limit $limit
    """,
    columns={
        "party_role": TEXT,
        "party_id": TEXT,
        "party_name": TEXT,
        "currency": TEXT,
        **_SHARES,
        "lines_count": COUNT,
    },
    parameters={**_MONTH, "store_id": Key(), "limit": Limit()},
)

# ``base_amount`` is the sum of a line's shares: on every run the two are the same (a check of the warehouse).
LINES = Query(
    id="settlement_lines",
    sql="""
        lines as (
            select
                line_id,
                posting,
                any_value(case when posting = 'SALE' then line_id else original_line_id end) as order_line_id,
                any_value(currency) as currency,
                sum(amount)::bigint as base_amount,
                any_value(economic_date) as economic_date,
                count(*) over () as matches_count
            from visible_settlement_entries
            where period = $period and store_id = $store_id and ($text is null or contains(line_id, $text))
            group by line_id, posting
            order by economic_date desc, line_id, posting
            limit $limit
        )
        select
            lines.line_id,
            lines.posting,
            visible_order_lines.product_name,
            lines.currency,
            lines.base_amount,
            lines.economic_date,
            lines.matches_count
        from lines
        left join visible_order_lines on visible_order_lines.order_line_id = lines.order_line_id
        order by lines.economic_date desc, lines.line_id, lines.posting
    """,
    columns={
        "line_id": TEXT,
        "posting": TEXT,
        "product_name": TEXT,
        "currency": TEXT,
        "base_amount": AMOUNT,
        "economic_date": DAY,
        "matches_count": COUNT,
    },
    parameters={**_MONTH, "store_id": Key(), "text": Text(optional=True), "limit": Limit(default=100)},
)

EXPLAINED = Query(
    id="settlement_explained",
    sql="""
        parties as (
            select
                entry_id, posting, line_id, original_line_id, order_key, store_id, currency, period, rule_id,
                rule_version, party_role, party_id, link_state, component_seq, base_amount, rate_ppm, weight,
                weight_total, floor_amount, rounding, amount, economic_date
            from visible_settlement_entries
            where posting = $posting and line_id = $line_id
        )
        select parties.*, coalesce(visible_stores.name, visible_staff.name) as party_name
        from parties
        left join visible_stores on visible_stores.store_id = parties.party_id
        left join visible_staff on visible_staff.userid = parties.party_id
        order by parties.link_state, parties.component_seq
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
        "party_name": TEXT,
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
    parameters={"posting": Choice(("SALE", "REFUND")), "line_id": Key(), "limit": Limit()},
)

TRANSFERS = Query(
    id="settlement_transfers",
    sql="""
        parties as (
            select
                entry_id, posting, line_id, component, currency, rule_id, rule_version, party_role, party_id, side,
                form, link_state, bound, tax_id, line_amount, points_amount, tax_ppm, tax_amount,
                base_amount, rate_ppm, computed_amount, bound_amount, weight, weight_total,
                floor_amount, rounding, before_amount, after_amount, before_value, after_value, amount, economic_date
            from visible_settlement_transfers
            where posting = $posting and line_id = $line_id
        )
        select parties.*, coalesce(visible_stores.name, visible_staff.name) as party_name
        from parties
        left join visible_stores on visible_stores.store_id = parties.party_id
        left join visible_staff on visible_staff.userid = parties.party_id
        order by parties.component, parties.link_state, parties.side
        limit $limit
    """,
    columns={
        **dict.fromkeys(("entry_id", "posting", "line_id", "component", "currency", "rule_id", "rule_version"), TEXT),
        **dict.fromkeys(
            ("party_role", "party_id", "party_name", "side", "form", "link_state", "bound", "tax_id"), TEXT
        ),
        **{"line_amount": AMOUNT, "points_amount": AMOUNT, "tax_ppm": COUNT, "tax_amount": AMOUNT},
        "base_amount": AMOUNT,
        "rate_ppm": COUNT,
        **dict.fromkeys(("computed_amount", "bound_amount", "weight", "weight_total", "floor_amount"), AMOUNT),
        "rounding": COUNT,
        **dict.fromkeys(("before_amount", "after_amount", "before_value", "after_value", "amount"), AMOUNT),
        "economic_date": DAY,
    },
    parameters={"posting": Choice(("SALE", "REFUND")), "line_id": Key(), "limit": Limit()},
)

QUERIES = (PLACES, PERIODS, ROLES, REGIONS, STORES, PARTIES, LINES, EXPLAINED, TRANSFERS)
