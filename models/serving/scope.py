"""Row scope: what of each published table a viewer may see. Every query reads these views, never the tables.

A view is static SQL over bound parameters of the viewer: ``$all_stores``, ``$store_ids``, ``$owner_userid``. The rule:
facts carry ``store_id`` and are visible in scope only; a customer is visible to a viewer who owns it or in whose
scope it has a fact; a fact without store and without money is about the person and goes with the customer; figures
about the whole company (batches, checks, estimators, row counts) are for viewers of the whole company. A value that
would name a store or a person out of scope (home store, owner, an order of another shop) is null.
"""

import re

from models.interactions import KINDS, sql_list, touches

_NAMES_PERSON = sql_list(tuple(kind.kind for kind in KINDS if kind.names_person))
_NAMES_PLACE = sql_list(tuple(kind.kind for kind in KINDS if kind.names_place))
_TOUCHES = sql_list(touches())  # the person's own acts

VIEWS: dict[str, str] = {
    "visible_customer_ids": """
        select customer_id from customer_stores where list_contains($store_ids, store_id)
        union
        select customer_id from customers where owner_userid = $owner_userid::varchar
    """,
    "visible_customers": """
        select
            customer_id, name, phone, unionid, external_userid, member_no, email, gender, city, country,
            case when $all_stores or list_contains($store_ids, home_store_id) then home_store_id end as home_store_id,
            case
                when $all_stores or owner_userid = $owner_userid::varchar or list_contains($store_ids, owner_store_id)
                then owner_userid
            end as owner_userid,
            case when $all_stores or list_contains($store_ids, owner_store_id) then owner_store_id end
                as owner_store_id,
            is_wecom_contact, has_marketing_consent, birth_date
        from customers
        where $all_stores or customer_id in (select customer_id from visible_customer_ids)
    """,
    "visible_customer_stores": """
        select * from customer_stores where $all_stores or list_contains($store_ids, store_id)
    """,
    # the identifiers of a person may come from shops out of scope: the list is for viewers of the whole company
    "visible_customer_identifiers": """
        select * from customer_identifiers where $all_stores
    """,
    "visible_customer_totals": """
        select * from customer_totals where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_customer_consents": """
        select * from customer_consents
        where $all_stores or customer_id in (select customer_id from visible_customer_ids)
    """,
    # a tag that staff gave is a fact of their store; a rule's goes with the customer, but the values on which it
    # decided count facts of any shop
    "visible_customer_tags": """
        select * replace (case when $all_stores then reason end as reason)
        from customer_tags
        where
            $all_stores
            or list_contains($store_ids, store_id)
            or (source = 'rule' and customer_id in (select customer_id from visible_customer_ids))
    """,
    "visible_friend_losses": """
        select
            userid, store_id, cause, is_exact, followed_at, lost_at,
            case when $all_stores or customer_id in (select customer_id from visible_customer_ids) then customer_id end
                as customer_id
        from friend_losses
        where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_customer_reachability": """
        select * from customer_reachability
        where $all_stores or customer_id in (select customer_id from visible_customer_ids)
    """,
    # the score is about the person; what it counts happened in any shop
    "visible_customer_engagement": """
        select
            customer_id,
            case when $all_stores then messages_7 end as messages_7,
            case when $all_stores then messages_30 end as messages_30,
            case when $all_stores then messages_90 end as messages_90,
            case when $all_stores then staff_messages_90 end as staff_messages_90,
            case when $all_stores then sessions_90 end as sessions_90,
            case when $all_stores then active_days_90 end as active_days_90,
            case when $all_stores then recency_points end as recency_points,
            case when $all_stores then active_day_points end as active_day_points,
            case when $all_stores then message_points end as message_points,
            score
        from customer_engagement
        where $all_stores or customer_id in (select customer_id from visible_customer_ids)
    """,
    "visible_group_engagement": """
        select * from group_engagement where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_interactions": f"""
        select
            -- the object's number can hold an identifier of the person: for who sees personal values
            case
                when
                    ($all_stores or store_id is not null)
                    and ($sees_personal or kind not in ({_NAMES_PERSON}))
                then object_id
            end as object_id,
            customer_id, kind, actor, channel, store_id,
            case when $all_stores or store_id is not null or staff_id = $owner_userid::varchar then staff_id end
                as staff_id,
            object_type, text_key,
            -- names that staff gave may name a store: without one nobody knows whose it is
            case when $all_stores or store_id is not null or kind not in ({_NAMES_PLACE}) then arguments end
                as arguments,
            kind in ({_TOUCHES}) as is_touch, currency, amount, occurred_at
        from interactions
        where
            $all_stores
            or list_contains($store_ids, store_id)
            or (
                store_id is null and amount is null
                and customer_id in (select customer_id from visible_customer_ids)
            )
    """,  # noqa: S608 - kinds of models.interactions
    "visible_orders": """
        select * from orders where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_order_lines": """
        select * from order_lines where $all_stores or order_key in (select order_key from visible_orders)
    """,
    # an order key begins with its shop: a refund given in another shop must not name that one
    "visible_refunds": """
        select
            * replace (
                case when $all_stores or prefix(order_key, store_id || ':') then order_key end as order_key,
                case when $all_stores or prefix(order_line_id, store_id || ':') then order_line_id end
                    as order_line_id
            )
        from refunds
        where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_stores": """
        select * from stores where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_staff": """
        select * from staff
        where $all_stores or list_contains($store_ids, store_id) or userid = $owner_userid::varchar
    """,
    "visible_daily_metrics": """
        select * from daily_metrics where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_settlement_summary": """
        select * from settlement_summary where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_settlement_entries": """
        select
            * replace (
                case when $all_stores or prefix(order_key, store_id || ':') then order_key end as order_key,
                case when $all_stores or prefix(original_line_id, store_id || ':') then original_line_id end
                    as original_line_id
            )
        from settlement_entries
        where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_churn_scores": """
        select
            * replace (
                case
                    when
                        $all_stores or owner_userid = $owner_userid::varchar
                        or list_contains($store_ids, owner_store_id)
                    then owner_userid
                end as owner_userid,
                case when $all_stores or list_contains($store_ids, owner_store_id) then owner_store_id end
                    as owner_store_id
            )
        from churn_scores
        where $all_stores or customer_id in (select customer_id from visible_customer_ids)
    """,
    # who is who: values, links and open questions of any shop, for viewers of the whole company
    "visible_identity_personas": """
        select * from identity_personas where $all_stores
    """,
    "visible_identity_orders": """
        select * from identity_orders where $all_stores
    """,
    "visible_identity_links": """
        select * from identity_links where $all_stores
    """,
    "visible_identity_refusals": """
        select * from identity_refusals where $all_stores
    """,
    "visible_identity_reviews": """
        select * from identity_reviews where $all_stores
    """,
    "visible_identity_events": """
        select * from identity_events where $all_stores
    """,
    "visible_identity_rules": """
        select * from identity_rules where $all_stores
    """,
    "visible_data_freshness": """
        select * replace (case when $all_stores then rows_count end as rows_count) from data_freshness
    """,
    "visible_unknown_states": """
        select * from unknown_states where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_batches": """
        select * from batches where $all_stores
    """,
    "visible_quality_checks": """
        select * from quality_checks where $all_stores
    """,
    "visible_estimators": """
        select * from estimators where $all_stores
    """,
    "visible_publication": """
        select * from publication
    """,
}

_VIEW_NAME = re.compile(r"\bvisible_\w+")


def with_views(sql: str) -> str:
    """The statement preceded by the scoped views it names. Raises KeyError for a view that does not exist.

    ``sql`` begins with ``select`` or with further common table expressions (``name as (...), select ...``).
    ``not materialized``: a look-up by key must reach the table, not a copy of the whole view.
    """
    needed: dict[str, None] = {}

    def add(text: str) -> None:
        for name in _VIEW_NAME.findall(text):
            if name not in needed:
                add(VIEWS[name])
                needed[name] = None

    add(sql)
    views = ",\n".join(f"{name} as not materialized ({VIEWS[name]})" for name in needed)
    separator = " " if sql.lstrip().startswith("select") else ",\n"
    return "with " + views + separator + sql
