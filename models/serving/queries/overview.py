"""The company at a glance. A period is closed: ``first`` and ``last`` are both in it (store civil time)."""

from models.serving.query import AMOUNT, COUNT, DAY, TEXT, TIME, Day, Limit, Query

_PERIOD = {"first": Day(), "last": Day()}

PUBLICATION = Query(
    id="publication",
    sql="""
        select business_date, as_of, to_seq, company, company_timezone, company_currency
        from visible_publication
    """,
    columns={
        "business_date": DAY,
        "as_of": TIME,
        "to_seq": COUNT,
        "company": TEXT,
        "company_timezone": TEXT,
        "company_currency": TEXT,
    },
    parameters={},
)

PEOPLE = Query(
    id="overview_people",
    sql="""
        buyers as (
            select count(distinct customer_id) as buyers
            from visible_orders
            where is_sale and ordered_on between $first and $last
        )
        select
            (select count(*) from visible_customers) as customers,
            (select count(*) from visible_customers where is_wecom_contact) as wecom_contacts,
            (select buyers from buyers) as buyers,
            (select count(*) from visible_churn_scores) as scored,
            (select count(*) from visible_churn_scores where band = 'high') as at_risk,
            (select min(metric_date) from visible_daily_metrics) as first_day
    """,
    columns={
        "customers": COUNT,
        "wecom_contacts": COUNT,
        "buyers": COUNT,
        "scored": COUNT,
        "at_risk": COUNT,
        "first_day": DAY,
    },
    parameters=_PERIOD,
)

MONEY = Query(
    id="overview_money",
    sql="""
        select
            currency,
            sum(orders_count)::bigint as orders_count,
            sum(paid_amount)::bigint as paid_amount,
            sum(refunds_count)::bigint as refunds_count,
            sum(refunded_amount)::bigint as refunded_amount
        from visible_daily_metrics
        where metric_date between $first and $last
        group by currency
        order by orders_count desc, currency
    """,
    columns={
        "currency": TEXT,
        "orders_count": COUNT,
        "paid_amount": AMOUNT,
        "refunds_count": COUNT,
        "refunded_amount": AMOUNT,
    },
    parameters=_PERIOD,
)

DAILY = Query(
    id="overview_daily",
    sql="""
        select
            metric_date,
            currency,
            sum(orders_count)::bigint as orders_count,
            sum(paid_amount)::bigint as paid_amount,
            sum(refunded_amount)::bigint as refunded_amount
        from visible_daily_metrics
        where metric_date between $first and $last
        group by metric_date, currency
        order by metric_date, currency
    """,
    columns={
        "metric_date": DAY,
        "currency": TEXT,
        "orders_count": COUNT,
        "paid_amount": AMOUNT,
        "refunded_amount": AMOUNT,
    },
    parameters=_PERIOD,
)

STORES = Query(
    id="overview_stores",
    sql="""
        money as (
            select
                store_id,
                currency,
                sum(orders_count)::bigint as orders_count,
                sum(paid_amount)::bigint as paid_amount,
                sum(refunded_amount)::bigint as refunded_amount
            from visible_daily_metrics
            where metric_date between $first and $last
            group by store_id, currency
        )
        select
            money.store_id,
            visible_stores.name as store_name,
            visible_stores.region,
            visible_stores.store_type,
            money.currency,
            money.orders_count,
            money.paid_amount,
            money.refunded_amount
        from money
        left join visible_stores on visible_stores.store_id = money.store_id
        order by money.paid_amount desc, money.store_id, money.currency
        limit $limit
    """,
    columns={
        "store_id": TEXT,
        "store_name": TEXT,
        "region": TEXT,
        "store_type": TEXT,
        "currency": TEXT,
        "orders_count": COUNT,
        "paid_amount": AMOUNT,
        "refunded_amount": AMOUNT,
    },
    parameters={**_PERIOD, "limit": Limit()},
)

QUERIES = (PUBLICATION, PEOPLE, MONEY, DAILY, STORES)
