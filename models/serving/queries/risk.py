"""Customers at risk of not coming back: bands, the list with its reasons, one customer's score.

``score_ppm`` is a calibrated probability in millionths; ``effect_ppm_n`` how much reason n moved it.
``place`` counts visible customers only, so it does not tell how many others there are.
"""

from models.serving.query import COUNT, TEXT, Choice, Key, Limit, Query

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

LIST = Query(
    id="risk_list",
    sql="""
        placed as (
            select *, row_number() over (order by rank, customer_id) as place
            from visible_churn_scores
        )
        select
            placed.place,
            placed.customer_id,
            visible_customers.name,
            visible_customers.phone,
            placed.band,
            placed.score_ppm,
            visible_staff.name as owner_name,
            visible_stores.name as owner_store_name,
            placed.reason_1, placed.reason_2, placed.reason_3,
            placed.effect_ppm_1, placed.effect_ppm_2, placed.effect_ppm_3,
            count(*) over () as matches_count
        from placed
        left join visible_customers on visible_customers.customer_id = placed.customer_id
        left join visible_staff on visible_staff.userid = placed.owner_userid
        left join visible_stores on visible_stores.store_id = placed.owner_store_id
        where $band is null or placed.band = $band
        order by placed.place
        limit $limit
    """,
    columns={
        "place": COUNT,
        "customer_id": TEXT,
        "name": TEXT,
        "phone": TEXT,
        "band": TEXT,
        "score_ppm": COUNT,
        "owner_name": TEXT,
        "owner_store_name": TEXT,
        **_REASONS,
        "matches_count": COUNT,
    },
    parameters={"band": Choice(BANDS, optional=True), "limit": Limit()},
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

QUERIES = (BY_BAND, LIST, OF_CUSTOMER)
