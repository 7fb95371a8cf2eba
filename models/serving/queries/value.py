"""Value: RFM and segments of customers, and what sales leave by channel, store and product.

Months are the store's civil time; ``first_month`` and ``last_month`` are both in the period. Amounts are minor units,
negative when spent or given back, null where nothing of a component is known: unknown is never zero. ``covered_amount``
is what was paid for lines whose cost is known, ``paid_amount`` what was paid for all. No row mixes two currencies.
"""

from models.serving.query import AMOUNT, COUNT, TEXT, Choice, Key, Limit, Query

COMPONENTS = ("revenue", "discount", "refund", "cost", "fee", "commission", "shipping", "service_cost")
DIMENSIONS = ("channel", "store", "product")
_PERIOD = {"first_month": Key(), "last_month": Key(), "store_id": Key(optional=True)}
_SUMS = ",\n".join(
    f"sum(amount) filter (where component = '{component}')::bigint as {component}_amount" for component in COMPONENTS
)
_COVERAGE = """
    sum(amount)::bigint as contribution,
    coalesce(sum(covered_amount) filter (where component = 'revenue'), 0)::bigint as paid_amount,
    coalesce(sum(covered_amount) filter (where component = 'cost'), 0)::bigint as covered_amount
"""
_AMOUNTS = {
    **{f"{component}_amount": AMOUNT for component in COMPONENTS},
    **dict.fromkeys(("contribution", "paid_amount", "covered_amount"), AMOUNT),
}
_IN_PERIOD = "period between $first_month and $last_month and ($store_id is null or store_id = $store_id)"

PERIODS = Query(
    id="value_periods",
    sql="select distinct period from visible_contribution_totals order by period desc limit $limit",
    columns={"period": TEXT},
    parameters={"limit": Limit()},
)

STORES = Query(
    id="value_stores",
    sql="""
        select distinct visible_contribution_totals.store_id, visible_stores.name as store_name
        from visible_contribution_totals
        left join visible_stores on visible_stores.store_id = visible_contribution_totals.store_id
        where visible_contribution_totals.dimension_kind = 'store'
        order by visible_contribution_totals.store_id
        limit $limit
    """,
    columns={"store_id": TEXT, "store_name": TEXT},
    parameters={"limit": Limit(default=1000)},
)

TOTALS = Query(
    id="value_totals",
    sql=f"""
        select currency, {_SUMS}, {_COVERAGE}
        from visible_contribution_totals
        where dimension_kind = 'store' and {_IN_PERIOD}
        group by currency
        order by paid_amount desc, currency
    """,  # noqa: S608 - the parts are constants above
    columns={"currency": TEXT, **_AMOUNTS},
    parameters=_PERIOD,
)

PARTS = Query(
    id="value_by_dimension",
    sql=f"""
        parts as (
            select dimension_id, currency, {_SUMS}, {_COVERAGE}
            from visible_contribution_totals
            where dimension_kind = $dimension and {_IN_PERIOD}
            group by dimension_id, currency
        )
        select
            parts.*,
            coalesce(visible_stores.name, visible_sold_products.product_name) as name,
            count(*) over () as matches_count
        from parts
        left join visible_stores on visible_stores.store_id = parts.dimension_id and $dimension = 'store'
        left join visible_sold_products
            on visible_sold_products.product_id = parts.dimension_id and $dimension = 'product'
        order by parts.paid_amount desc, parts.dimension_id, parts.currency
        limit $limit
    """,  # noqa: S608 - the parts are constants above
    columns={"dimension_id": TEXT, "name": TEXT, "currency": TEXT, **_AMOUNTS, "matches_count": COUNT},
    parameters={**_PERIOD, "dimension": Choice(DIMENSIONS), "limit": Limit(default=100)},
)

GAPS = Query(
    id="value_gaps",
    sql=f"""
        select
            component, source, reason, currency,
            sum(amount)::bigint as amount,
            sum(rows_count)::bigint as rows_count
        from visible_contribution_gaps
        where {_IN_PERIOD}
        group by component, source, reason, currency
        order by component, source, reason, currency
        limit $limit
    """,  # noqa: S608 - the parts are constants above
    columns={
        "component": TEXT,
        "source": TEXT,
        "reason": TEXT,
        "currency": TEXT,
        "amount": AMOUNT,
        "rows_count": COUNT,
    },
    parameters={**_PERIOD, "limit": Limit()},
)

# Scores compare a customer with the whole company's; the money beside them is that of the visible stores.
_VALUES = """
    worth as (
        select
            customer_id,
            currency,
            sum(coalesce(revenue_amount, 0) + coalesce(discount_amount, 0) + coalesce(refund_amount, 0))::bigint
                as net_amount,
            sum(contribution)::bigint as contribution,
            sum(paid_amount)::bigint as paid_amount,
            sum(covered_amount)::bigint as covered_amount
        from visible_customer_value
        where $store_id is null or store_id = $store_id
        group by customer_id, currency
    )
"""

GRID = Query(
    id="value_grid",
    sql=f"""
        {_VALUES}
        select
            rfm.currency,
            rfm.recency_score,
            rfm.frequency_score,
            count(*) as customers,
            sum(worth.net_amount)::bigint as net_amount
        from visible_customer_rfm as rfm
        inner join worth on worth.customer_id = rfm.customer_id and worth.currency = rfm.currency
        where rfm.is_in_window
        group by rfm.currency, rfm.recency_score, rfm.frequency_score
        order by rfm.currency, rfm.recency_score, rfm.frequency_score
    """,  # noqa: S608 - the parts are constants above
    columns={
        "currency": TEXT,
        "recency_score": COUNT,
        "frequency_score": COUNT,
        "customers": COUNT,
        "net_amount": AMOUNT,
    },
    parameters={"store_id": Key(optional=True)},
)

SEGMENTS = Query(
    id="value_segments",
    sql=f"""
        {_VALUES}
        select
            rfm.segment,
            any_value(visible_value_segments.name_zh) as name_zh,
            any_value(visible_value_segments.name_en) as name_en,
            rfm.currency,
            count(*) as customers,
            sum(worth.net_amount)::bigint as net_amount,
            sum(worth.contribution)::bigint as contribution,
            sum(worth.paid_amount)::bigint as paid_amount,
            sum(worth.covered_amount)::bigint as covered_amount
        from visible_customer_rfm as rfm
        inner join worth on worth.customer_id = rfm.customer_id and worth.currency = rfm.currency
        left join visible_value_segments on visible_value_segments.segment = rfm.segment
        group by rfm.segment, rfm.currency
        order by rfm.currency, any_value(visible_value_segments.segment_seq), rfm.segment
        limit $limit
    """,  # noqa: S608 - the parts are constants above
    columns={
        "segment": TEXT,
        "name_zh": TEXT,
        "name_en": TEXT,
        "currency": TEXT,
        "customers": COUNT,
        "net_amount": AMOUNT,
        "contribution": AMOUNT,
        "paid_amount": AMOUNT,
        "covered_amount": AMOUNT,
    },
    parameters={"store_id": Key(optional=True), "limit": Limit()},
)

# for the customer's own page: one row per currency
OF_CUSTOMER = Query(
    id="customer_value",
    sql="""
        worth as (
            select
                currency,
                sum(coalesce(revenue_amount, 0) + coalesce(discount_amount, 0) + coalesce(refund_amount, 0))::bigint
                    as net_amount,
                sum(cost_amount)::bigint as cost_amount,
                sum(contribution)::bigint as contribution,
                sum(paid_amount)::bigint as paid_amount,
                sum(covered_amount)::bigint as covered_amount
            from visible_customer_value
            where customer_id = $customer_id
            group by currency
        )
        select
            worth.*,
            rfm.segment,
            visible_value_segments.name_zh,
            visible_value_segments.name_en,
            rfm.recency_score,
            rfm.frequency_score,
            rfm.monetary_score
        from worth
        left join visible_customer_rfm as rfm on rfm.customer_id = $customer_id and rfm.currency = worth.currency
        left join visible_value_segments on visible_value_segments.segment = rfm.segment
        order by worth.paid_amount desc, worth.currency
    """,
    columns={
        "currency": TEXT,
        "net_amount": AMOUNT,
        "cost_amount": AMOUNT,
        "contribution": AMOUNT,
        "paid_amount": AMOUNT,
        "covered_amount": AMOUNT,
        "segment": TEXT,
        "name_zh": TEXT,
        "name_en": TEXT,
        "recency_score": COUNT,
        "frequency_score": COUNT,
        "monetary_score": COUNT,
    },
    parameters={"customer_id": Key()},
)

QUERIES = (PERIODS, STORES, TOTALS, PARTS, GAPS, GRID, SEGMENTS)
QUERIES_OF_CUSTOMERS = (OF_CUSTOMER,)
