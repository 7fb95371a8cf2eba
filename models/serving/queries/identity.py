"""Who is who, and why: what a customer is made of, the links that hold it together, what was refused.

All of it is for viewers of the whole company: what a customer is known by may come from any shop. ``value_no`` numbers
the values of one answer, so that equal ones can be told although they are masked.
"""

from models.serving.query import BOOLEAN, COUNT, DAY, TEXT, TIME, Key, Limit, Query, Text

_PAIR = {"customer_id": Key(), "other_customer_id": Key(optional=True)}
_OF_A_GRAPH = Limit(default=20_000, most=20_000)  # of one or two customers: a path must not miss a link

VALUES = Query(
    id="identity_values",
    sql="""
        select
            *, dense_rank() over (order by identifier_type, identifier) as value_no
        from visible_identity_personas
        where customer_id = $customer_id or customer_id = $other_customer_id
        order by customer_id, first_seen_at, persona_id, identifier_type
        limit $limit
    """,
    columns={
        "customer_id": TEXT,
        "persona_id": COUNT,
        "identifier_type": TEXT,
        "identifier": TEXT,
        "source": TEXT,
        "refusal": TEXT,
        "value_no": COUNT,
        "records_count": COUNT,
        "is_identifier": BOOLEAN,
        "first_seen_at": TIME,
        "last_seen_at": TIME,
    },
    parameters={**_PAIR, "limit": _OF_A_GRAPH},
    personal=("identifier",),
)

LINKS = Query(
    id="identity_links",
    sql="""
        select visible_identity_links.*, visible_identity_rules.types, visible_identity_rules.rule_seq
        from visible_identity_links
        left join visible_identity_rules on visible_identity_rules.rule = visible_identity_links.rule
        where customer_id = $customer_id or customer_id = $other_customer_id
        order by
            coalesce(rule_seq, case when visible_identity_links.rule = 'people' then 0 else 1000 end),
            visible_identity_links.rule, left_persona, right_persona
        limit $limit
    """,
    columns={
        "customer_id": TEXT,
        "left_persona": COUNT,
        "right_persona": COUNT,
        "rule": TEXT,
        "types": TEXT,
        "rule_seq": COUNT,
        "evidence": TEXT,
        "weight_ppm": COUNT,
        "seen_at": TIME,
    },
    parameters={**_PAIR, "limit": _OF_A_GRAPH},
)

_REFUSAL_COLUMNS = {
    "customer_id": TEXT,
    "other_customer_id": TEXT,
    "this_persona": COUNT,
    "that_persona": COUNT,
    "rule": TEXT,
    "refusal": TEXT,
    "links_count": COUNT,
    "seen_at": TIME,
}

REFUSALS = Query(
    id="identity_refusals",
    sql="""
        mine as (
            select visible_identity_refusals.*, visible_identity_rules.types
            from visible_identity_refusals
            left join visible_identity_rules on visible_identity_rules.rule = visible_identity_refusals.rule
            where customer_id = $customer_id
        ),
        others as (
            select customer_id, name
            from visible_customers
            where customer_id in (select other_customer_id from mine)
        )
        select mine.*, others.name as other_name
        from mine
        left join others on others.customer_id = mine.other_customer_id
        order by links_count desc, other_customer_id, rule, refusal
        limit $limit
    """,
    columns={**_REFUSAL_COLUMNS, "types": TEXT, "other_name": TEXT},
    parameters={"customer_id": Key(), "limit": Limit()},
    personal=("other_name",),
)

BETWEEN = Query(
    id="identity_refusals_between",
    sql="""
        select *
        from visible_identity_refusals
        where customer_id = $customer_id and other_customer_id = $other_customer_id
        order by links_count desc, rule, refusal
        limit $limit
    """,
    columns=_REFUSAL_COLUMNS,
    parameters={"customer_id": Key(), "other_customer_id": Key(optional=True), "limit": Limit()},
)

# Whole values only: whoever knows a number may ask whose it is, and nobody learns one by asking for its parts.
FIND = Query(
    id="identity_find",
    sql="""
        known as (
            select customer_id, identifier_type
            from visible_customer_identifiers
            where identifier = $text and ($identifier_type is null or identifier_type = $identifier_type)
        )
        select stated.customer_id, stated.persona_id, stated.identifier_type
        from visible_identity_personas as stated
        inner join known
            on known.customer_id = stated.customer_id and known.identifier_type = stated.identifier_type
        where stated.identifier = $text
        order by stated.customer_id, stated.identifier_type, stated.persona_id
        limit $limit
    """,
    columns={"customer_id": TEXT, "persona_id": COUNT, "identifier_type": TEXT},
    parameters={"text": Text(optional=True), "identifier_type": Text(optional=True), "limit": Limit()},
)

FIND_CUSTOMER = Query(
    id="identity_find_customer",
    sql="""
        select customer_id
        from visible_customers
        where customer_id = $customer_id
    """,
    columns={"customer_id": TEXT},
    parameters={"customer_id": Key()},
)

# By its key; by its number alone every order is looked at.
FIND_ORDER = Query(
    id="identity_find_order",
    sql="""
        bought as (
            select order_key, customer_id
            from visible_orders
            where order_key = $text
            union all
            select order_key, customer_id
            from visible_orders
            where not contains($text, ':') and order_id = $text
        )
        select bought.customer_id, visible_identity_orders.persona_id
        from bought
        inner join visible_identity_orders on visible_identity_orders.order_key = bought.order_key
        order by bought.customer_id nulls last, visible_identity_orders.persona_id
        limit $limit
    """,
    columns={"customer_id": TEXT, "persona_id": COUNT},
    parameters={"text": Text(optional=True), "limit": Limit()},
)

# What a customer was before, and what it fell into: the newest first.
EVENTS = Query(
    id="identity_events",
    sql="""
        select event_id, kind, customer_id, previous_id, cause, decided_on
        from visible_identity_events
        where customer_id = $customer_id or previous_id = $customer_id
        order by decided_on desc, event_id
        limit $limit
    """,
    columns={
        "event_id": TEXT,
        "kind": TEXT,
        "customer_id": TEXT,
        "previous_id": TEXT,
        "cause": TEXT,
        "decided_on": DAY,
    },
    parameters={"customer_id": Key(), "limit": Limit()},
)

RULES = Query(
    id="identity_rules",
    sql="""
        select rule, types, guards, rule_seq, is_certain
        from visible_identity_rules
        order by rule_seq
        limit $limit
    """,
    columns={"rule": TEXT, "types": TEXT, "guards": TEXT, "rule_seq": COUNT, "is_certain": BOOLEAN},
    parameters={"limit": Limit()},
)

QUERIES = (VALUES, LINKS, REFUSALS, BETWEEN, FIND, FIND_CUSTOMER, FIND_ORDER, EVENTS, RULES)
