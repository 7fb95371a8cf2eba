"""What the sample company lacks for its figures.

Members, tickets, lost contacts, a second delivery of orders, a store that becomes another, and an employee who moves.
"""

import random
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from pipelines.lake import Lake, Part

SEED = 20260630
FIRST, LAST = datetime(2026, 4, 1), datetime(2026, 6, 30, 15)  # UTC; the business date is 2026-07-01 in Shanghai
CHANGED, CHANGED_ON = "S004", date(2026, 5, 1)  # a shop of 华东 goes online, and to 华南
MOVED, MOVED_ON, FROM, TO = "s003-02", date(2026, 2, 10), "S003", "S012"
STORES = (
    "S001",
    "S002",
    CHANGED,
    "S007",
    "S018",
    "S021",
    "S999",
    None,
)  # Hong Kong, online, one that nobody declared, none


def enlarge(lake: Lake) -> None:
    """Land one more batch of each dataset. The same lake gets the same rows."""
    chance = random.Random(SEED)
    batches: dict[str, list[dict[str, Any]]] = {
        "members": members(chance),
        "tickets": tickets(chance),
        **lost(lake, chance),
        "orders": again(lake),
        "stores": changed(lake),
        "staff": moved(),
    }
    for number, (dataset, rows) in enumerate(batches.items()):
        numbered = pl.DataFrame(rows, infer_schema_length=None).with_columns(
            pl.int_range(1, pl.len() + 1).alias("_row"), pl.lit("{}").alias("_raw")
        )
        lake.commit(source="test:metrics", key=f"{number:032}", parts=[Part("landed", dataset, numbered)])


def _moment(chance: random.Random) -> datetime:
    return FIRST + timedelta(seconds=chance.randrange(int((LAST - FIRST).total_seconds())))


def members(chance: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "member_no": f"MX{number:04}",
            "phone": f"+8613900{number:06}",
            "store_id": chance.choice(STORES),
            "source": chance.choice(("store", "mini_program", None)),
            "status": "active",
            "joined_at": _moment(chance),
        }
        for number in range(80)
    ]


def tickets(chance: random.Random) -> list[dict[str, Any]]:
    """Some wait for ever, some are answered after the business date began: that has not happened yet."""
    found = []
    for number in range(120):
        opened = _moment(chance)
        answered = opened + timedelta(seconds=chance.randrange(30, 200_000)) if chance.random() < 0.8 else None
        solved = answered + timedelta(hours=chance.randrange(1, 90)) if answered and chance.random() < 0.7 else None
        found.append(
            {
                "ticket_id": f"T{number:04}",
                "phone": f"+8613900{number:06}",
                "store_id": chance.choice(STORES),
                "channel": chance.choice(("phone", "wecom", None)),
                "status": "open",
                "reopened_count": 0,
                "opened_at": opened,
                "first_answered_at": answered,
                "resolved_at": solved,
                "updated_at": LAST,
            }
        )
    return found


def changed(lake: Lake) -> list[dict[str, Any]]:
    known = lake.read("landed", "stores").filter(pl.col("store_id") == CHANGED).drop("_row", "_raw", "_batch")
    state = {"store_type": "online", "region": "华南", "valid_from": CHANGED_ON}
    return [row | state for row in known.to_dicts()]


def moved() -> list[dict[str, Any]]:
    row = {"staff_id": "E0302", "userid": MOVED, "name": MOVED, "status": "active"}
    return [row | {"store_id": FROM, "valid_from": None}, row | {"store_id": TO, "valid_from": MOVED_ON}]


def lost(lake: Lake, chance: random.Random) -> dict[str, list[dict[str, Any]]]:
    """Of thirty follow-ups: twenty ended by an event and found gone, five found gone only, five with an old event."""
    columns = ["corp_id", "sync_id", "userid", "external_userid", "followed_at"]
    chosen = lake.read("landed", "wecom_follows").select(columns).unique().sort(columns).head(30).to_dicts()
    events = [
        {
            "corp_id": one["corp_id"],
            "event_id": f"e{number}",
            "event": "change_external_contact",
            "change_type": "del_follow_user" if number % 2 else "del_external_contact",
            "userid": one["userid"],
            "external_userid": one["external_userid"],
            "occurred_at": one["followed_at"] + (LAST - one["followed_at"]) * chance.random(),
        }
        for number, one in enumerate(chosen)
        if number < 20 or number >= 25
    ]
    gone = [{**one, "is_gone": True, "sync_id": "000002"} for one in chosen[:25]]
    return {"wecom_events": [*events, events[0]], "wecom_follows": gone}


def again(lake: Lake) -> list[dict[str, Any]]:
    """Of thirty orders a second delivery: ten cost twice as much, ten were cancelled, ten have a line in dollars."""
    lines = lake.read("landed", "orders").drop("_row", "_raw", "_batch")
    numbers = lines.filter(pl.col("status") == "finished").select("store_id", "order_id").unique()
    chosen = numbers.sort("order_id", descending=True).head(30).with_row_index("place")
    place = pl.col("place")
    return (
        lines.join(chosen, on=["store_id", "order_id"])
        .with_columns(
            pl.when(place < 10).then(pl.col("paid_amount") * 2).otherwise("paid_amount").alias("paid_amount"),
            pl.when(place.is_between(10, 19)).then(pl.lit("cancelled")).otherwise("status").alias("status"),
            pl.when((place >= 20) & (pl.col("line_no") == "1"))
            .then(pl.lit("USD"))
            .otherwise("currency")
            .alias("currency"),
        )
        .drop("place")
        .to_dicts()
    )
