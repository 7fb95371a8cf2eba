"""The record of one customer: where each value was said, contact points, who looked after them, the company's fields.

A field is told when its record is of a store in scope, or of none. What is no secret of a person (place, gender, home
store) stands in ``open_value``, everything else in ``value``, which is masked for who may not see personal values.
"""

from models.serving.query import BOOLEAN, COUNT, TEXT, TIME, Key, Limit, Query

FIELDS = Query(
    id="customer_fields",
    sql="""
        told as (
            select
                *,
                field in ('gender', 'city', 'country', 'home_store') as is_open,
                -- a date masked is a date told in part
                $sees_personal or field <> 'birth_date' as is_whole
            from visible_customer_fields
            where customer_id = $customer_id
        )
        select
            told.field,
            case when not told.is_open and told.is_whole then told.value end as value,
            case when told.is_open then coalesce(homes.name, told.value) end as open_value,
            told.source,
            told.record_id,
            stores.name as store_name,
            told.decided_by,
            case when not told.is_open and told.is_whole then told.runner_up_value end as runner_up_value,
            case when told.is_open then coalesce(other_homes.name, told.runner_up_value) end as runner_up_open_value,
            told.runner_up_source,
            told.runner_up_record_id,
            told.is_verified,
            told.statements_count,
            told.stated_at,
            told.runner_up_at
        from told
        left join visible_stores as stores on stores.store_id = told.store_id
        left join visible_stores as homes on told.field = 'home_store' and homes.store_id = told.value
        left join visible_stores as other_homes
            on told.field = 'home_store' and other_homes.store_id = told.runner_up_value
        order by told.field_seq, told.field
        limit $limit
    """,
    columns={
        "field": TEXT,
        "value": TEXT,
        "open_value": TEXT,
        "source": TEXT,
        "record_id": TEXT,
        "store_name": TEXT,
        "decided_by": TEXT,
        "runner_up_value": TEXT,
        "runner_up_open_value": TEXT,
        "runner_up_source": TEXT,
        "runner_up_record_id": TEXT,
        "is_verified": BOOLEAN,
        "statements_count": COUNT,
        "stated_at": TIME,
        "runner_up_at": TIME,
    },
    parameters={"customer_id": Key(), "limit": Limit()},
    personal=("value", "record_id", "runner_up_value", "runner_up_record_id"),
)

CONTACT_POINTS = Query(
    id="customer_contact_points",
    sql="""
        select
            points.kind,
            points.value,
            points.is_primary,
            points.is_verified,
            points.source,
            stores.name as store_name,
            points.records_count,
            points.first_seen_at,
            points.last_seen_at
        from visible_customer_contact_points as points
        left join visible_stores as stores on stores.store_id = points.store_id
        where points.customer_id = $customer_id
        order by points.kind, points.is_primary desc, points.last_seen_at desc nulls last, points.value
        limit $limit
    """,
    columns={
        "kind": TEXT,
        "value": TEXT,
        "is_primary": BOOLEAN,
        "is_verified": BOOLEAN,
        "source": TEXT,
        "store_name": TEXT,
        "records_count": COUNT,
        "first_seen_at": TIME,
        "last_seen_at": TIME,
    },
    parameters={"customer_id": Key(), "limit": Limit()},
    personal=("value",),
)

OWNERS = Query(
    id="customer_owners",
    sql="""
        select
            owners.userid,
            staff.name as staff_name,
            stores.name as store_name,
            owners.rule,
            owners.valid_from,
            owners.valid_to
        from visible_customer_owners as owners
        left join visible_staff as staff on staff.userid = owners.userid
        left join visible_stores as stores on stores.store_id = owners.store_id
        where owners.customer_id = $customer_id
        order by owners.valid_from desc, owners.userid
        limit $limit
    """,
    columns={
        "userid": TEXT,
        "staff_name": TEXT,
        "store_name": TEXT,
        "rule": TEXT,
        "valid_from": TIME,
        "valid_to": TIME,
    },
    parameters={"customer_id": Key(), "limit": Limit()},
)

CUSTOM_FIELDS = Query(
    id="customer_custom_fields",
    sql="""
        select field, choice, kind, zh, en
        from visible_custom_fields
        order by field_seq, field, choice
    """,
    columns={"field": TEXT, "choice": TEXT, "kind": TEXT, "zh": TEXT, "en": TEXT},
    parameters={},
)

QUERIES = (FIELDS, CONTACT_POINTS, OWNERS, CUSTOM_FIELDS)
