"""Questions of who is who for a person to decide, and what a decision names; for viewers of the whole company."""

from models.serving.query import AMOUNT, COUNT, DAY, TEXT, TIME, Choice, Key, Keys, Limit, Number, Query

REVIEW_KINDS = ("likely", "torn")
_REVIEW_COLUMNS = {
    "place": COUNT,
    "kind": TEXT,
    "customer_id": TEXT,
    "other_customer_id": TEXT,
    "persona_id": COUNT,
    "record_id": TEXT,
    "evidence": TEXT,
    "currency": TEXT,
    "probability_ppm": COUNT,
    "weight_ppm": COUNT,
    "records_count": COUNT,
    "amount": AMOUNT,
    "value": AMOUNT,
    "seen_at": TIME,
}

REVIEWS = Query(
    id="identity_reviews",
    sql="""
        select
            visible_identity_reviews.*,
            visible_customers.name,
            other_side.name as other_name,
            count(*) over () as open_count
        from visible_identity_reviews
        left join visible_customers on visible_customers.customer_id = visible_identity_reviews.customer_id
        left join visible_customers as other_side
            on other_side.customer_id = visible_identity_reviews.other_customer_id
        where $kind is null or kind = $kind
        order by place
        limit $limit
    """,
    columns={**_REVIEW_COLUMNS, "name": TEXT, "other_name": TEXT, "open_count": COUNT},
    parameters={"kind": Choice(REVIEW_KINDS, optional=True), "limit": Limit()},
    personal=("name", "other_name"),
)

REVIEWS_OF = Query(
    id="identity_reviews_of",
    sql="""
        select *
        from visible_identity_reviews
        where
            (customer_id = $customer_id or other_customer_id = $customer_id)
            and (
                $other_customer_id is null
                or customer_id = $other_customer_id
                or other_customer_id = $other_customer_id
            )
        order by place
        limit $limit
    """,
    columns=_REVIEW_COLUMNS,
    parameters={"customer_id": Key(), "other_customer_id": Key(optional=True), "limit": Limit()},
)

REVIEWS_OF_RECORD = Query(
    id="identity_reviews_of_record",
    sql="""
        select *
        from visible_identity_reviews
        where persona_id = $persona_id
        order by place
        limit $limit
    """,
    columns=_REVIEW_COLUMNS,
    parameters={"persona_id": Number(), "limit": Limit()},
)

RECORD = Query(
    id="identity_record",
    sql="""
        select identifier_type, identifier, source, records_count, first_seen_at, last_seen_at
        from visible_identity_personas
        where persona_id = $persona_id
        order by identifier_type
        limit $limit
    """,
    columns={
        "identifier_type": TEXT,
        "identifier": TEXT,
        "source": TEXT,
        "records_count": COUNT,
        "first_seen_at": TIME,
        "last_seen_at": TIME,
    },
    parameters={"persona_id": Number(), "limit": Limit()},
    personal=("identifier",),
)

RECORD_ORDERS = Query(
    id="identity_record_orders",
    sql="""
        select
            visible_orders.order_key,
            visible_orders.order_id,
            visible_orders.store_id,
            visible_stores.name as store_name,
            visible_orders.currency,
            visible_orders.paid_amount,
            visible_orders.ordered_on
        from visible_identity_orders
        inner join visible_orders on visible_orders.order_key = visible_identity_orders.order_key
        left join visible_stores on visible_stores.store_id = visible_orders.store_id
        where visible_identity_orders.persona_id = $persona_id
        order by visible_orders.ordered_at desc, visible_orders.order_key
        limit $limit
    """,
    columns={
        "order_key": TEXT,
        "order_id": TEXT,
        "store_id": TEXT,
        "store_name": TEXT,
        "currency": TEXT,
        "paid_amount": AMOUNT,
        "ordered_on": DAY,
    },
    parameters={"persona_id": Number(), "limit": Limit()},
)

# Who holds what decisions of people name: their anchors are identifiers, or orders as ``orders:<order_key>``.
HOLDERS = Query(
    id="identity_holders",
    sql="""
        wanted as (select unnest($identifiers::varchar[]) as identifier)
        select customer_id, null::bigint as persona_id, identifier_type, identifier
        from visible_customer_identifiers
        where identifier in (select identifier from wanted)
        union all
        select
            visible_orders.customer_id,
            visible_identity_orders.persona_id,
            'record' as identifier_type,
            'orders:' || visible_orders.order_key as identifier
        from visible_orders
        inner join visible_identity_orders on visible_identity_orders.order_key = visible_orders.order_key
        where
            visible_orders.order_key in (
                select substr(identifier, length('orders:') + 1) from wanted where prefix(identifier, 'orders:')
            )
        order by identifier_type, identifier, customer_id, persona_id
        limit $limit
    """,
    columns={"customer_id": TEXT, "persona_id": COUNT, "identifier_type": TEXT, "identifier": TEXT},
    parameters={"identifiers": Keys(), "limit": Limit(default=20_000, most=20_000)},
    personal=("identifier",),
)

# What a decision about a customer names, because ids may change: the strongest value that is its own, else an order.
# What others state too comes last: a decision acts on whoever states the value.
ANCHOR = Query(
    id="identity_anchor",
    sql="""
        strength as (
            select types as identifier_type, min(rule_seq) as rule_seq
            from visible_identity_rules
            group by types
        ),
        candidates as (
            select
                coalesce(strength.rule_seq, 1000) + case
                    when exists (
                        select 1
                        from visible_customer_identifiers as others
                        where
                            others.identifier_type = visible_customer_identifiers.identifier_type
                            and others.identifier = visible_customer_identifiers.identifier
                            and others.customer_id <> $customer_id
                    ) then 3000
                    else 0
                end as place,
                visible_customer_identifiers.identifier_type,
                visible_customer_identifiers.identifier,
                first_seen_at
            from visible_customer_identifiers
            left join strength on strength.identifier_type = visible_customer_identifiers.identifier_type
            where customer_id = $customer_id and is_owner
            union all
            select 2000, 'record', 'orders:' || order_key, ordered_at
            from visible_orders
            where customer_id = $customer_id
        )
        select identifier_type, identifier
        from candidates
        order by place, first_seen_at, identifier
        limit 1
    """,
    columns={"identifier_type": TEXT, "identifier": TEXT},
    parameters={"customer_id": Key()},
    personal=("identifier",),
)

QUERIES = (REVIEWS, REVIEWS_OF, REVIEWS_OF_RECORD, RECORD, RECORD_ORDERS, HOLDERS, ANCHOR)
