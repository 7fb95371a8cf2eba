"""Row scope: what of each published table a viewer may see. Every query reads these views, never the tables.

A view is static SQL over bound parameters of the viewer: ``$all_stores``, ``$store_ids``, ``$owner_userid``. The rule:
facts carry ``store_id`` and are visible in scope only; a customer is visible to a viewer who owns it or in whose
scope it has a fact; a fact without store and without money is about the person and goes with the customer; figures
about the whole company (batches, checks, estimators, row counts) are for viewers of the whole company. A value that
would name a store or a person out of scope (home store, owner, an order of another shop) is null.
"""

import re

from models.interactions import KINDS, sql_list, touches
from models.serving.scope_reconciliation import RECONCILIATION_VIEWS
from models.serving.scope_settlement import SETTLEMENT_VIEWS

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
            customer_id, name, phone, unionid, external_userid, member_no, email, gender, city, country, address,
            case when $all_stores or list_contains($store_ids, home_store_id) then home_store_id end as home_store_id,
            case when $all_stores or list_contains($store_ids, home_store_id) then home_store_rule end
                as home_store_rule,
            case when $all_stores or region in (select region from visible_stores) then region end as region,
            case when $all_stores or region in (select region from visible_stores) then region_rule end as region_rule,
            case
                when $all_stores or owner_userid = $owner_userid::varchar or list_contains($store_ids, owner_store_id)
                then owner_userid
            end as owner_userid,
            case when $all_stores or list_contains($store_ids, owner_store_id) then owner_store_id end
                as owner_store_id,
            case
                when $all_stores or owner_userid = $owner_userid::varchar or list_contains($store_ids, owner_store_id)
                then owner_rule
            end as owner_rule,
            is_wecom_contact, has_marketing_consent, birth_date
        from customers
        where $all_stores or customer_id in (select customer_id from visible_customer_ids)
    """,
    # a value is told when the record that says it is of a store in scope, or of none; so is the one that came second.
    # Without a store a record's key may hold the number of a colleague; counts would count what is hidden
    "visible_customer_fields": """
        select
            * replace (
                case when $all_stores or store_id is not null then record_id end as record_id,
                case when $all_stores then statements_count end as statements_count,
                case when runner_up_is_seen then decided_by end as decided_by,
                case when runner_up_is_seen then runner_up_value end as runner_up_value,
                case when runner_up_is_seen then runner_up_source end as runner_up_source,
                case when $all_stores or (runner_up_is_seen and runner_up_store_id is not null)
                    then runner_up_record_id end as runner_up_record_id,
                case when runner_up_is_seen then runner_up_at end as runner_up_at
            )
        from (
            select
                *,
                $all_stores or runner_up_store_id is null or list_contains($store_ids, runner_up_store_id)
                    as runner_up_is_seen
            from customer_fields
            where $all_stores or store_id is null or list_contains($store_ids, store_id)
        )
        where $all_stores or customer_id in (select customer_id from visible_customer_ids)
    """,
    "visible_customer_contact_points": """
        select
            * replace (
                case when $all_stores then records_count end as records_count,
                case when $all_stores then first_seen_at end as first_seen_at,
                case when $all_stores then last_seen_at end as last_seen_at
            )
        from customer_contact_points
        where
            $all_stores
            or (
                (store_id is null or list_contains($store_ids, store_id))
                and customer_id in (select customer_id from visible_customer_ids)
            )
    """,
    "visible_customer_owners": """
        select
            * replace (
                case when $all_stores or list_contains($store_ids, store_id) then store_id end as store_id
            )
        from customer_owners
        where
            $all_stores
            or (
                (list_contains($store_ids, store_id) or userid = $owner_userid::varchar)
                and customer_id in (select customer_id from visible_customer_ids)
            )
    """,
    "visible_custom_fields": """
        select * from custom_fields
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
    # figures of the company, a channel or a party are of all stores; a region is seen when all its stores are
    "visible_metrics": """
        select * from metrics
        where
            $all_stores
            or (dimension_kind = 'store' and list_contains($store_ids, dimension_id))
            or (
                dimension_kind = 'region'
                and dimension_id not in (
                    select region from stores where region is not null and not list_contains($store_ids, store_id)
                )
                and dimension_id in (select region from stores)
            )
    """,
    "visible_metric_glossary": """
        select * from metric_glossary
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
    **SETTLEMENT_VIEWS,
    "visible_settlement_transfers": """
        select
            * replace (
                case when $all_stores or prefix(order_key, store_id || ':') then order_key end as order_key,
                case when $all_stores or prefix(original_line_id, store_id || ':') then original_line_id end
                    as original_line_id
            )
        from settlement_transfers
        where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_customer_value": """
        select * from customer_value where $all_stores or list_contains($store_ids, store_id)
    """,
    # a score is about the person; days, orders and money count facts of any shop, and a currency may be another shop's
    "visible_customer_rfm": """
        select
            customer_id, currency, segment,
            case when $all_stores then recency_days end as recency_days,
            case when $all_stores then frequency end as frequency,
            case when $all_stores then monetary end as monetary,
            case when $all_stores then orders_count end as orders_count,
            recency_score, frequency_score, monetary_score, is_in_window,
            case when $all_stores then first_order_at end as first_order_at,
            case when $all_stores then last_order_at end as last_order_at
        from customer_rfm
        where
            $all_stores
            or (customer_id, currency) in (select (customer_id, currency) from visible_customer_value)
    """,
    "visible_contribution_totals": """
        select * from contribution_totals where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_contribution_gaps": """
        select * from contribution_gaps where $all_stores or list_contains($store_ids, store_id)
    """,
    # a product is known to who sees a sale of it
    "visible_sold_products": """
        select * from sold_products
        where
            $all_stores
            or product_id in (select dimension_id from visible_contribution_totals where dimension_kind = 'product')
    """,
    "visible_value_segments": """
        select * from value_segments
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
    "visible_journey_stages": """
        select * from journey_stages
    """,
    # where a customer went on to, and when, is a fact of the store in which that happened
    "visible_journey_entries": """
        select
            * replace (
                case when $all_stores or list_contains($store_ids, next_store_id) then next_stage end as next_stage,
                case when $all_stores or list_contains($store_ids, next_store_id) then next_store_id end
                    as next_store_id,
                case when $all_stores or list_contains($store_ids, next_store_id) then left_at end as left_at
            )
        from journey_entries
        where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_journey_stage_days": """
        select * from journey_stage_days where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_journey_transitions": """
        select * from journey_transitions where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_journey_bottlenecks": """
        select * from journey_bottlenecks where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_journey_weeks": """
        select * from journey_weeks where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_cohort_retention": """
        select * from cohort_retention where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_cohort_revenue": """
        select * from cohort_revenue where $all_stores or list_contains($store_ids, store_id)
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
    **RECONCILIATION_VIEWS,
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
