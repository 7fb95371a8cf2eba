"""Audiences: every visible customer with what conditions may ask about, and the identifiers that consents speak of.

Both answer with whole tables, because conditions are evaluated by ``models.audiences``. They serve previews and
exports, which refuse a viewer who may not see personal values; no page shows them.
"""

from models.serving.query import BOOLEAN, COUNT, DAY, TEXT, TEXTS, TIME, Query

# The columns are ``models.audiences.fields.FIELDS``; a test compares the two. Figures and ranks count what is visible.
CANDIDATES = Query(
    id="audience_candidates",
    sql="""
        bought as (
            select customer_id, sum(orders_count)::bigint as orders_count, max(last_order_at) as last_order_at
            from visible_customer_totals
            group by customer_id
        ),
        met as (
            select customer_id, max(occurred_at) as last_interaction_at
            from visible_interactions
            where customer_id is not null and is_touch
            group by customer_id
        ),
        tagged as (
            select customer_id, list(distinct tag_key order by tag_key) as has_tag
            from visible_customer_tags
            where until is null
            group by customer_id
        ),
        reached as (
            select customer_id, list(channel order by channel) as reachable_by
            from visible_customer_reachability
            where is_marketing_reachable
            group by customer_id
        ),
        engaged as (select customer_id, score from visible_customer_engagement),
        scored as (
            select *, row_number() over (order by rank, customer_id) as place
            from visible_churn_scores
        )
        select
            visible_customers.customer_id,
            visible_customers.name,
            visible_customers.phone,
            visible_customers.unionid,
            visible_customers.external_userid,
            visible_customers.member_no,
            visible_customers.email,
            visible_customers.gender,
            visible_customers.city,
            visible_customers.country,
            visible_customers.home_store_id,
            visible_customers.owner_userid,
            visible_customers.owner_store_id,
            coalesce(bought.orders_count, 0) as orders_count,
            visible_customers.is_wecom_contact,
            visible_customers.has_marketing_consent,
            visible_customers.birth_date,
            met.last_interaction_at,
            bought.last_order_at,
            scored.band,
            scored.reason_1,
            scored.reason_2,
            scored.reason_3,
            scored.score_ppm,
            tagged.has_tag,
            reached.reachable_by,
            engaged.score as engagement_score,
            scored.place as rank
        from visible_customers
        left join bought on bought.customer_id = visible_customers.customer_id
        left join met on met.customer_id = visible_customers.customer_id
        left join scored on scored.customer_id = visible_customers.customer_id
        left join tagged on tagged.customer_id = visible_customers.customer_id
        left join reached on reached.customer_id = visible_customers.customer_id
        left join engaged on engaged.customer_id = visible_customers.customer_id
        order by visible_customers.customer_id
    """,
    columns={
        "customer_id": TEXT,
        "name": TEXT,
        "phone": TEXT,
        "unionid": TEXT,
        "external_userid": TEXT,
        "member_no": TEXT,
        "email": TEXT,
        "gender": TEXT,
        "city": TEXT,
        "country": TEXT,
        "home_store_id": TEXT,
        "owner_userid": TEXT,
        "owner_store_id": TEXT,
        "orders_count": COUNT,
        "is_wecom_contact": BOOLEAN,
        "has_marketing_consent": BOOLEAN,
        "birth_date": DAY,
        "last_interaction_at": TIME,
        "last_order_at": TIME,
        "band": TEXT,
        "reason_1": TEXT,
        "reason_2": TEXT,
        "reason_3": TEXT,
        "score_ppm": COUNT,
        "has_tag": TEXTS,
        "reachable_by": TEXTS,
        "engagement_score": COUNT,
        "rank": COUNT,
    },
    parameters={},
    personal=("name", "phone", "unionid", "external_userid", "member_no", "email", "birth_date"),
)

# Consents are given under any identifier of a person, also under one that came from a shop out of the viewer's scope:
# suppression asks this as the company itself, and only counts of reasons reach the viewer.
IDENTIFIERS = Query(
    id="audience_identifiers",
    sql="""
        select customer_id, identifier_type, identifier
        from visible_customer_identifiers
        where identifier_type <> 'record'
        order by customer_id, identifier_type, identifier
    """,
    columns={"customer_id": TEXT, "identifier_type": TEXT, "identifier": TEXT},
    parameters={},
    personal=("identifier",),
)

QUERIES = (CANDIDATES, IDENTIFIERS)
