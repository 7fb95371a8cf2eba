"""Bills against our own payments: what both sides come to, the differences, and the rows behind one of them.

Amounts are minor units of the row's ``currency``; a difference is ours less the bill's. Days are days of bills, in
Beijing. The differences of a day add up to the difference of its two sums.
"""

from models.serving.query import (
    AMOUNT,
    BOOLEAN,
    COUNT,
    DAY,
    MOST_ROWS,
    TEXT,
    TIME,
    Day,
    Key,
    Limit,
    Query,
)

_PERIOD = {"first": Day(), "last": Day()}
_SIDES = {
    "ours_count": COUNT,
    "bill_count": COUNT,
    "ours_amount": AMOUNT,
    "bill_amount": AMOUNT,
    "difference_amount": AMOUNT,
}
_ITEM = {
    "item_id": TEXT,
    "class": TEXT,
    "further_class": TEXT,
    "method": TEXT,
    "channel": TEXT,
    "account_id": TEXT,
    "store_id": TEXT,
    "kind": TEXT,
    "currency": TEXT,
    "other_currency": TEXT,
    "state": TEXT,
    "decision_id": TEXT,
    "reason": TEXT,
    "author": TEXT,
    "rule_version": TEXT,
    **_SIDES,
    "ours_fee": AMOUNT,
    "bill_fee": AMOUNT,
    "fee_difference": AMOUNT,
    "needs_person": BOOLEAN,
    "day": DAY,
    "ours_day": DAY,
    "bill_day": DAY,
    "decided_at": TIME,
}

DAYS = Query(
    id="reconciliation_last_day",
    sql="select min(day) as first_day, max(day) as last_day from visible_reconciliation_days having count(*) > 0",
    columns={"first_day": DAY, "last_day": DAY},
    parameters={},
)

CHANNELS = Query(
    id="reconciliation_channels",
    sql="select distinct channel from visible_reconciliation_days order by channel limit $limit",
    columns={"channel": TEXT},
    parameters={"limit": Limit()},
)

CLASSES = Query(
    id="reconciliation_by_class",
    sql="""
        select
            channel,
            currency,
            class,
            sum(ours_count)::bigint as ours_count,
            sum(bill_count)::bigint as bill_count,
            sum(ours_amount)::bigint as ours_amount,
            sum(bill_amount)::bigint as bill_amount,
            sum(difference_amount)::bigint as difference_amount
        from visible_reconciliation_days
        where day between $first and $last and ($channel is null or channel = $channel)
        group by channel, currency, class
        order by channel, currency, class
        limit $limit
    """,
    columns={"channel": TEXT, "currency": TEXT, "class": TEXT, **_SIDES},
    parameters={**_PERIOD, "channel": Key(optional=True), "limit": Limit(default=MOST_ROWS)},
)

BY_DAY = Query(
    id="reconciliation_by_day",
    sql="""
        select
            day,
            channel,
            account_id,
            currency,
            sum(ours_count)::bigint as ours_count,
            sum(bill_count)::bigint as bill_count,
            sum(ours_amount)::bigint as ours_amount,
            sum(bill_amount)::bigint as bill_amount,
            sum(difference_amount)::bigint as difference_amount
        from visible_reconciliation_days
        where day between $first and $last and ($channel is null or channel = $channel)
        group by day, channel, account_id, currency
        order by day desc, channel, account_id, currency
        limit $limit
    """,
    columns={"day": DAY, "channel": TEXT, "account_id": TEXT, "currency": TEXT, **_SIDES},
    parameters={**_PERIOD, "channel": Key(optional=True), "limit": Limit(default=MOST_ROWS)},
)

# A difference lies on the day of either of its sides. ``matches_count``: how many there are without the limit.
ITEMS = Query(
    id="reconciliation_items",
    sql="""
        select visible_reconciliation_items.*, count(*) over () as matches_count
        from visible_reconciliation_items
        where
            (ours_day between $first and $last or bill_day between $first and $last)
            and ($channel is null or channel = $channel)
            and ($difference_class is null or class = $difference_class)
        order by needs_person desc, day desc, abs(coalesce(difference_amount, ours_amount)) desc, item_id
        limit $limit
    """,
    columns={**_ITEM, "matches_count": COUNT},
    parameters={
        **_PERIOD,
        "channel": Key(optional=True),
        "difference_class": Key(optional=True),
        "limit": Limit(default=MOST_ROWS, most=100_000),
    },
)

ITEM = Query(
    id="reconciliation_item",
    sql="select * from visible_reconciliation_items where item_id = $item_id",
    columns=_ITEM,
    parameters={"item_id": Key()},
)

ROWS = Query(
    id="reconciliation_item_rows",
    sql="""
        select
            side, row_id, channel, account_id, store_id, kind, entry_id, reference, transaction_id, order_id, currency,
            stated_amount, fee_amount, is_success, bill_day, occurred_at
        from visible_reconciliation_item_rows
        where item_id = $item_id
        order by side desc, occurred_at, row_id
        limit $limit
    """,
    columns={
        **dict.fromkeys(
            (
                "side",
                "row_id",
                "channel",
                "account_id",
                "store_id",
                "kind",
                "entry_id",
                "reference",
                "transaction_id",
                "order_id",
                "currency",
            ),
            TEXT,
        ),
        "stated_amount": AMOUNT,
        "fee_amount": AMOUNT,
        "is_success": BOOLEAN,
        "bill_day": DAY,
        "occurred_at": TIME,
    },
    parameters={"item_id": Key(), "limit": Limit()},
)

QUERIES = (DAYS, CHANNELS, CLASSES, BY_DAY, ITEMS, ITEM, ROWS)
