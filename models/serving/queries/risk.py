"""Customers at risk of not coming back: bands, the list with its reasons, one customer's score.

``score_ppm`` is a calibrated probability in millionths; ``effect_ppm_n`` how much reason n moved it.
The rank itself is not told: it would say how many others there are.
"""

from models.serving.query import BOOLEAN, COUNT, TEXT, TIME, Choice, Key, Limit, Query

BANDS = ("high", "medium", "low")
_REASONS = {
    "reason_1": TEXT,
    "reason_2": TEXT,
    "reason_3": TEXT,
    "effect_ppm_1": COUNT,
    "effect_ppm_2": COUNT,
    "effect_ppm_3": COUNT,
}

BY_BAND = Query(
    id="risk_bands",
    sql="""
        select band, count(*) as customers, avg(score_ppm)::bigint as mean_ppm
        from visible_churn_scores
        group by band
        order by mean_ppm desc
    """,
    columns={"band": TEXT, "customers": COUNT, "mean_ppm": COUNT},
    parameters={},
)

# Null: nobody owns the customer, or the owner's store is out of the viewer's scope.
BY_STORE = Query(
    id="risk_by_store",
    sql="""
        scored as (
            select owner_store_id, count(*) as customers
            from visible_churn_scores
            where $band is null or band = $band
            group by owner_store_id
        )
        select scored.owner_store_id, visible_stores.name as owner_store_name, scored.customers
        from scored
        left join visible_stores on visible_stores.store_id = scored.owner_store_id
        order by scored.customers desc, scored.owner_store_id
        limit $limit
    """,
    columns={"owner_store_id": TEXT, "owner_store_name": TEXT, "customers": COUNT},
    parameters={"band": Choice(BANDS, optional=True), "limit": Limit()},
)

LIST = Query(
    id="risk_list",
    sql="""
        wanted as (
            select *, count(*) over () as matches_count
            from visible_churn_scores
            where ($band is null or band = $band) and ($store_id is null or owner_store_id = $store_id)
            order by rank, customer_id
            limit $limit
        ),
        bought as (
            select customer_id, max(last_order_at) as last_order_at
            from visible_customer_totals
            where customer_id in (select customer_id from wanted)
            group by customer_id
        )
        select
            wanted.customer_id,
            visible_customers.name,
            visible_customers.phone,
            wanted.band,
            wanted.score_ppm,
            visible_customers.has_marketing_consent,
            visible_customers.is_wecom_contact,
            bought.last_order_at,
            visible_staff.name as owner_name,
            visible_stores.name as owner_store_name,
            wanted.reason_1, wanted.reason_2, wanted.reason_3,
            wanted.effect_ppm_1, wanted.effect_ppm_2, wanted.effect_ppm_3,
            wanted.matches_count
        from wanted
        left join visible_customers on visible_customers.customer_id = wanted.customer_id
        left join bought on bought.customer_id = wanted.customer_id
        left join visible_staff on visible_staff.userid = wanted.owner_userid
        left join visible_stores on visible_stores.store_id = wanted.owner_store_id
        order by wanted.rank, wanted.customer_id
    """,
    columns={
        "customer_id": TEXT,
        "name": TEXT,
        "phone": TEXT,
        "band": TEXT,
        "score_ppm": COUNT,
        "has_marketing_consent": BOOLEAN,
        "is_wecom_contact": BOOLEAN,
        "last_order_at": TIME,
        "owner_name": TEXT,
        "owner_store_name": TEXT,
        **_REASONS,
        "matches_count": COUNT,
    },
    parameters={"band": Choice(BANDS, optional=True), "store_id": Key(optional=True), "limit": Limit()},
    personal=("name", "phone"),
)

OF_CUSTOMER = Query(
    id="risk_of_customer",
    sql="""
        select
            band, score_ppm, artifact_id,
            reason_1, reason_2, reason_3, effect_ppm_1, effect_ppm_2, effect_ppm_3
        from visible_churn_scores
        where customer_id = $customer_id
    """,
    columns={"band": TEXT, "score_ppm": COUNT, "artifact_id": TEXT, **_REASONS},
    parameters={"customer_id": Key()},
)

QUERIES = (BY_BAND, BY_STORE, LIST, OF_CUSTOMER)
