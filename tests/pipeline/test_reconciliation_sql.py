"""The reconciliation models against their pure twin: the same random days through both, whatever the order of rows.

Days are made of everything that goes wrong at once: lost and repeated rows on either side, other amounts, currencies,
fees and states, numbers that one side does not know, orders paid in parts, refunds of nothing.
"""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.documents.reconciliation import ReconciliationDocument
from models.settlement.reconciliation import BILL, MATCHED, OURS, Match, Row, reconcile, sums_by_day
from tests.reconciliation_project import ReconciliationProject, limits, row

pytestmark = pytest.mark.slow
FIRST, BUSINESS_DATE = datetime(2026, 5, 1), date(2026, 6, 15)
DOCUMENT = ReconciliationDocument(fee_tolerance=1)


def random_rows(rng: random.Random, size: int) -> list[Row]:
    """Rows of both sides of some accounts: ``size`` payments, most of them as they should be."""
    rows: list[Row] = []
    for number in range(size):
        rows += _payment(rng, number)
        if rng.random() < 0.15:
            rows += _refund(rng, number)
    return [one for one in rows if rng.random() > 0.02]


def _spoilt(rng: random.Random, pair: list[Row]) -> list[Row]:
    """Something that differs, in a third of all pairs."""
    ours, bill = pair
    what = rng.randrange(30)
    if what == 0:
        ours = replace(ours, stated_amount=ours.stated_amount + rng.choice((-1, 1, 500)))
    elif what == 1:
        ours = replace(ours, is_success=False)
    elif what == 2:
        bill = replace(bill, is_success=False)
    elif what == 3:
        bill = replace(bill, currency="HKD")
    elif what == 4:
        ours = replace(ours, fee_amount=bill.fee_amount + rng.choice((-2, -1, 1, 2)))  # type: ignore[operator]
    elif what == 5:
        later = timedelta(days=rng.choice((1, 2, 40)))
        bill = replace(bill, day=bill.day + later, occurred_at=bill.occurred_at + later)
    elif what == 6:
        return [ours, bill, _again(bill, 2), _again(bill, 3)][: rng.choice((3, 4))]
    elif what == 7:
        return [ours, replace(ours, row_id=f"{ours.row_id}-again", is_success=rng.random() < 0.7), bill]
    elif what == 8:
        return _parts(ours, bill)
    elif what == 9:
        parts = _parts(bill, ours)
        return [*parts[:-1], replace(parts[-1], entry_id=None, transaction_id=None)]
    return [ours, bill]


def _again(bill: Row, occurrence: int) -> Row:
    return replace(bill, row_id=f"{bill.row_id.rpartition(':')[0]}:{occurrence}")


def _parts(whole: Row, other: Row) -> list[Row]:
    """The other side in two rows, under the same numbers; on a bill the parts have numbers of their own."""
    half = other.stated_amount // 2
    first, second = (
        replace(other, row_id=f"{other.row_id}{name}", stated_amount=amount, fee_amount=None if name else 0)
        for name, amount in (("-1", half), ("-2", other.stated_amount - half))
    )
    if other.side == OURS:
        return [whole, first, second]
    parts = []
    for one, name in ((first, "x"), (second, "y")):
        entry = f"{one.entry_id}{name}"
        row_id = f"bill:{one.channel}:{one.account_id}:{one.kind}:{entry}:{entry}:1"
        parts.append(replace(one, row_id=row_id, entry_id=entry, transaction_id=entry))
    return [replace(whole, entry_id=None, transaction_id=None), *parts]


def _payment(rng: random.Random, number: int) -> list[Row]:
    at = FIRST + timedelta(minutes=rng.randrange(44 * 24 * 60))
    amount = rng.choice((100, 100, 2500, rng.randrange(1, 10_000)))
    more: dict[str, Any] = {"account": f"19{number % 3}", "order": f"O{number}", "fee": -(amount // 100)}
    bill = row(BILL, f"T{number}", amount, at + timedelta(seconds=rng.choice((0, 0, 7, 60 * 60))), **more)
    if rng.random() < 0.05:  # an order of which the channel knows nothing
        bill = replace(bill, reference=None, order_id=None)
    known = {"entry": f"T{number}"} if rng.random() < 0.7 else {}
    ours = row(OURS, f"P{number}", amount, at, **more | known)
    if rng.random() < 0.1:
        order = rng.choice((None, f"O{rng.randrange(number + 1)}"))
        ours = replace(ours, reference=order, order_id=order)
    if rng.random() < 0.2:
        ours = replace(ours, fee_amount=None)
    return _spoilt(rng, [ours, bill])


def _refund(rng: random.Random, number: int) -> list[Row]:
    at = FIRST + timedelta(minutes=rng.randrange(44 * 24 * 60))
    paid = number if rng.random() < 0.9 else number + 1_000_000
    more: dict[str, Any] = {"account": f"19{number % 3}", "kind": "refund", "refund": f"F{number}", "order": f"O{paid}"}
    more |= {"transaction": f"T{paid}", "fee": 1}
    amount = -rng.randrange(1, 500)
    known = {"entry": f"R{number}"} if rng.random() < 0.5 else {"entry": None}
    pair = [row(OURS, f"F{number}", amount, at, **more | known), row(BILL, f"R{number}", amount, at, **more)]
    return _spoilt(rng, pair)


def _of_twin(matches: list[Match]) -> set[tuple[Any, ...]]:
    return {
        (
            match.match_id,
            match.class_,
            match.further_class,
            match.method,
            frozenset(one.row_id for one in match.rows),
            sum(one.amount for one in match.ours) if match.ours else None,
            sum(one.amount for one in match.bill) if match.bill else None,
        )
        for match in matches
        if match.class_ != MATCHED
    }


def _of_sql(tables: dict[str, pl.DataFrame]) -> set[tuple[Any, ...]]:
    rows = tables["reconciliation_item_rows"].group_by("item_id").agg("row_id")
    behind = {item_id: frozenset(ids) for item_id, ids in rows.iter_rows()}
    return {
        (
            one["item_id"],
            one["class"],
            one["further_class"],
            one["method"],
            behind[one["item_id"]],
            one["ours_amount"],
            one["bill_amount"],
        )
        for one in tables["reconciliation_items"].iter_rows(named=True)
    }


@pytest.mark.parametrize("seed", range(3))
def test_sql_and_twin_agree_on_random_days_in_any_order(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rows = random_rows(rng, 1500)
    matches = reconcile(rows, BUSINESS_DATE, limits(DOCUMENT))
    project = ReconciliationProject(tmp_path)
    project.put(rng.sample(rows, len(rows)), BUSINESS_DATE, DOCUMENT)
    tables = project.build()
    assert _of_sql(tables) == _of_twin(matches)
    days: dict[Any, dict[str, int]] = {}
    counts: dict[str, int] = {}
    for one in tables["reconciliation_days"].iter_rows(named=True):
        cell = days.setdefault((one["day"], one["channel"], one["account_id"], one["currency"]), {})
        cell[one["class"]] = cell.get(one["class"], 0) + one["difference_amount"]
        counts[one["class"]] = counts.get(one["class"], 0) + one["ours_count"] + one["bill_count"]
    assert days == sums_by_day(matches)
    expected: dict[str, int] = {}
    for match in matches:
        expected[match.class_] = expected.get(match.class_, 0) + len(match.rows)
    assert counts == expected
    told = {match.class_ for match in matches}
    assert told >= {"DUPLICATE", "TIMING", "CHANNEL_MISSING", "PLATFORM_MISSING", "STATUS_SHORT", "STATUS_OVER",
                    "AMOUNT_SHORT", "AMOUNT_OVER", "CURRENCY_MISMATCH", "FEE_MISMATCH", "REFUND_ORPHAN"}  # fmt: skip
    assert {match.method for match in matches} >= {"number", "reference", "time", "one_to_many", "many_to_one"}
