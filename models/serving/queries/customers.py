"""Customers: search, and everything about one of them. A customer out of scope is as if it did not exist."""

from models.serving.query import AMOUNT, BOOLEAN, COUNT, DAY, TEXT, TIME, Key, Limit, Query, Text

# Who may see personal values searches inside them. Who may not must bring the whole number: a search inside masked
# values would tell them digit by digit. A phone may be written without its country code (at most four characters).
SEARCH = Query(
    id="customer_search",
    sql="""
        matches as (
            select customer_id, name, phone, member_no, city, owner_userid, is_wecom_contact
            from visible_customers
            where
                $text is null
                or $text = ''
                or prefix(customer_id, $text)
                or phone = $text
                or (length($text) >= 8 and suffix(phone, $text) and length(phone) - length($text) <= 4)
                or member_no = $text
                or unionid = $text
                or external_userid = $text
                or email = $text
                or customer_id in (select customer_id from visible_orders where order_id = $text)
                or (
                    $sees_personal
                    and (
                        contains(lower(name), lower($text))
                        or (length($text) >= 3 and contains(phone, $text))
                        or prefix(member_no, $text)
                        or prefix(lower(email), lower($text))
                    )
                )
        ),
        bought as (
            select customer_id, sum(orders_count)::bigint as orders_count, max(last_order_at) as last_order_at
            from visible_customer_totals
            where customer_id in (select customer_id from matches)
            group by customer_id
        )
        select
            matches.customer_id,
            matches.name,
            matches.phone,
            matches.member_no,
            matches.city,
            visible_staff.name as owner_name,
            matches.is_wecom_contact,
            coalesce(bought.orders_count, 0) as orders_count,
            bought.last_order_at,
            count(*) over () as matches_count
        from matches
        left join bought on bought.customer_id = matches.customer_id
        left join visible_staff on visible_staff.userid = matches.owner_userid
        order by bought.last_order_at desc nulls last, matches.customer_id
        limit $limit
    """,
    columns={
        "customer_id": TEXT,
        "name": TEXT,
        "phone": TEXT,
        "member_no": TEXT,
        "city": TEXT,
        "owner_name": TEXT,
        "is_wecom_contact": BOOLEAN,
        "orders_count": COUNT,
        "last_order_at": TIME,
        "matches_count": COUNT,
    },
    parameters={"text": Text(optional=True), "limit": Limit(default=50)},
    personal=("name", "phone", "member_no"),
)

# The last interaction is the last act of the person. Counts and times of the whole life come from facts out of scope
# too, so they are taken from visible facts again.
PROFILE = Query(
    id="customer_profile",
    sql="""
        seen as (
            select
                min(occurred_at) as first_seen_at,
                max(occurred_at) filter (where is_touch) as last_interaction_at,
                min(occurred_at) filter (where kind = 'order_paid') as first_order_at,
                max(occurred_at) filter (where kind = 'order_paid') as last_order_at
            from visible_interactions
            where customer_id = $customer_id
        ),
        bought as (
            select coalesce(sum(orders_count), 0)::bigint as orders_count
            from visible_customer_totals
            where customer_id = $customer_id
        )
        select
            visible_customers.*,
            home.name as home_store_name,
            visible_staff.name as owner_name,
            owner_store.name as owner_store_name,
            bought.orders_count,
            seen.*
        from visible_customers
        cross join seen
        cross join bought
        left join visible_stores as home on home.store_id = visible_customers.home_store_id
        left join visible_stores as owner_store on owner_store.store_id = visible_customers.owner_store_id
        left join visible_staff on visible_staff.userid = visible_customers.owner_userid
        where visible_customers.customer_id = $customer_id
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
        "home_store_name": TEXT,
        "owner_userid": TEXT,
        "owner_name": TEXT,
        "owner_store_id": TEXT,
        "owner_store_name": TEXT,
        "orders_count": COUNT,
        "is_wecom_contact": BOOLEAN,
        "has_marketing_consent": BOOLEAN,
        "birth_date": DAY,
        "first_seen_at": TIME,
        "last_interaction_at": TIME,
        "first_order_at": TIME,
        "last_order_at": TIME,
    },
    parameters={"customer_id": Key()},
    personal=("name", "phone", "unionid", "external_userid", "member_no", "email", "birth_date"),
)

TOTALS = Query(
    id="customer_totals",
    sql="""
        select
            currency,
            sum(orders_count)::bigint as orders_count,
            sum(paid_amount)::bigint as paid_amount,
            sum(refunded_amount)::bigint as refunded_amount,
            max(last_order_at) as last_order_at
        from visible_customer_totals
        where customer_id = $customer_id
        group by currency
        order by orders_count desc, currency
    """,
    columns={
        "currency": TEXT,
        "orders_count": COUNT,
        "paid_amount": AMOUNT,
        "refunded_amount": AMOUNT,
        "last_order_at": TIME,
    },
    parameters={"customer_id": Key()},
)

ORDERS = Query(
    id="customer_orders",
    sql="""
        select
            visible_orders.order_key,
            visible_orders.order_id,
            visible_orders.store_id,
            visible_stores.name as store_name,
            visible_orders.status,
            visible_orders.currency,
            visible_orders.lines_count,
            visible_orders.paid_amount,
            visible_orders.refunded_amount,
            visible_orders.ordered_on
        from visible_orders
        left join visible_stores on visible_stores.store_id = visible_orders.store_id
        where visible_orders.customer_id = $customer_id
        order by visible_orders.ordered_at desc, visible_orders.order_key
        limit $limit
    """,
    columns={
        "order_key": TEXT,
        "order_id": TEXT,
        "store_id": TEXT,
        "store_name": TEXT,
        "status": TEXT,
        "currency": TEXT,
        "lines_count": COUNT,
        "paid_amount": AMOUNT,
        "refunded_amount": AMOUNT,
        "ordered_on": DAY,
    },
    parameters={"customer_id": Key(), "limit": Limit()},
)

ORDER_LINES = Query(
    id="order_lines",
    sql="""
        select order_line_id, product_id, product_name, currency, quantity::varchar as quantity, paid_amount
        from visible_order_lines
        where order_key = $order_key
        order by order_line_id
        limit $limit
    """,
    columns={
        "order_line_id": TEXT,
        "product_id": TEXT,
        "product_name": TEXT,
        "currency": TEXT,
        "quantity": TEXT,
        "paid_amount": AMOUNT,
    },
    parameters={"order_key": Key(), "limit": Limit()},
)

CONSENTS = Query(
    id="customer_consents",
    sql="""
        select purpose, channel, state, decided_at
        from visible_customer_consents
        where customer_id = $customer_id
        order by purpose, channel
    """,
    columns={"purpose": TEXT, "channel": TEXT, "state": TEXT, "decided_at": TIME},
    parameters={"customer_id": Key()},
)

IDENTIFIERS = Query(
    id="customer_identifiers",
    sql="""
        select identifier_type, identifier, source, first_seen_at, last_seen_at
        from visible_customer_identifiers
        where customer_id = $customer_id
        order by identifier_type, identifier
        limit $limit
    """,
    columns={"identifier_type": TEXT, "identifier": TEXT, "source": TEXT, "first_seen_at": TIME, "last_seen_at": TIME},
    parameters={"customer_id": Key(), "limit": Limit()},
    personal=("identifier",),
)

QUERIES = (SEARCH, PROFILE, TOTALS, ORDERS, ORDER_LINES, CONSENTS, IDENTIFIERS)
