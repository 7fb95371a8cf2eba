"""What a platform said of a record, landed in whatever order: the newest by the platform's own time wins (fault 16).

The accident it prevents: an order that a late batch puts back to "unpaid", because the batch came last. One lake holds
a shop for each order in which the same observations can arrive; all shops must read alike.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import polars as pl
import pytest

from tests import dbt_runs
from tests.factories_lake import HandMadeLake, Row, at

#: (state of a trade, of a refund, amount in fen, when it changed): twice on one day, and once after as_of
STATES = (
    ("WAIT_BUYER_PAY", "WAIT_SELLER_AGREE", 1000, "2025-06-01 10:00"),
    ("WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_RETURN_GOODS", 980, "2025-06-01 10:05"),
    ("WAIT_BUYER_CONFIRM_GOODS", "SUCCESS", 970, "2025-06-20 09:00"),
    ("TRADE_CLOSED", "CLOSED", 1, "2025-07-02 00:00"),
)
NEWEST_BEFORE_AS_OF = 2
ORDERS = tuple(permutations(range(len(STATES))))
CREATED = at("2025-06-01 10:00")
Tables = dict[str, pl.DataFrame]


def taobao(shop: str, number: int) -> dict[str, Row]:
    trade, refund, fen, changed = STATES[number]
    common = {"shop_id": shop, "tid": "T1", "modified_at": at(changed)}
    return {
        "taobao_trades": {**common, "status": trade, "payment": fen, "created_at": CREATED},
        "taobao_trade_lines": {**common, "oid": "T1-1", "num": Decimal(1), "divide_order_fee": fen},
        "taobao_refunds": {**common, "refund_id": "R1", "status": refund, "refund_fee": fen, "created_at": CREATED},
    }


def youzan(shop: str, number: int) -> dict[str, Row]:
    trade, refund, fen, changed = STATES[number]
    common = {"shop_id": shop, "tid": "T1", "modified_at": at(changed)}
    return {
        "youzan_trades": {**common, "status": trade, "payment": fen, "created_at": CREATED},
        "youzan_trade_lines": {**common, "oid": "T1-1", "num": Decimal(1), "price": Decimal(10), "payment": fen},
        "youzan_refunds": {**common, "refund_id": "R1", "status": refund, "refund_fee": fen, "created_at": CREATED},
    }


def lake() -> HandMadeLake:
    """The n-th batch holds, of each shop, the observation that arrives n-th there."""
    batches: list[Mapping[str, Sequence[Row]]] = []
    for turn in range(len(STATES)):
        rows: dict[str, list[Row]] = {}
        for shop, order in enumerate(ORDERS):
            said: Callable[[str, int], dict[str, Row]]
            for said in (taobao, youzan):
                for dataset, row in said(f"S{shop}", order[turn]).items():
                    rows.setdefault(dataset, []).append(row)
        batches.append(rows)
    return HandMadeLake(date(2025, 7, 1), batches=batches)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("out-of-order")
    building = folder / "building"
    lake().write(building)
    dbt_runs.passed(building, "run", "--select", "path:models/staging/taobao", "path:models/staging/youzan")
    return dbt_runs.tables(building)


def _only(frame: pl.DataFrame, shop: str, *columns: str) -> tuple[Any, ...]:
    """What all shops say alike."""
    assert frame[shop].n_unique() == frame.height == len(ORDERS)
    (alike,) = frame.select(columns).unique().rows()
    return alike


@pytest.mark.parametrize(
    ("platform", "shop", "amounts"),
    [
        ("taobao", "shop_id", ("payment", "paid_amount", "refund_fee")),
        ("youzan", "store_id", ("paid_amount", "paid_amount", "refund_amount")),
    ],
)
def test_the_newest_by_the_platforms_time_wins_in_whatever_order_it_arrived(
    staged: Tables, platform: str, shop: str, amounts: tuple[str, str, str], record_property: Any
) -> None:
    trade, refund, fen, changed = STATES[NEWEST_BEFORE_AS_OF]
    moment: datetime = at(changed)
    trades, lines, refunds = (staged[f"stg_{platform}__{part}"] for part in ("trades", "trade_lines", "refunds"))
    assert _only(trades, shop, "status", amounts[0], "modified_at") == (trade, fen, moment)
    assert _only(lines, shop, amounts[1]) == (fen,)
    assert _only(refunds, shop, "status", amounts[2], "is_refunded") == (refund, fen, True)
    record_property("orders_of_arrival", len(ORDERS))
    record_property("rows", trades.height + lines.height + refunds.height)
