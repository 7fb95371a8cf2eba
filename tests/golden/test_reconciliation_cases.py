"""Cases of reconciliation that a person can read and add: each file of ``reconciliation/`` by the SQL and its twin.

A case gives rows of both sides and what must become of them. ``transaction`` is the channel's number when ours knows
it; lines of the bill have their order's number there unless they say another. ``again: 2`` is the second line of one
number.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from models.documents.reconciliation import ReconciliationDocument
from models.money import to_minor
from models.settlement.reconciliation import BILL, MATCHED, OURS, Match, Row, reconcile, sums_by_day
from tests.reconciliation_project import ReconciliationProject, limits, row

CASES = sorted((Path(__file__).parent / "reconciliation").glob("*.yml"))
pytestmark = pytest.mark.slow


def _fen(amount: Any, currency: str = "CNY") -> int:
    return to_minor(Decimal(str(amount)), currency)


def _read(path: Path) -> tuple[dict[str, Any], list[Row], ReconciliationDocument]:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    rows = [_row(side, number, said) for side in (OURS, BILL) for number, said in enumerate(case.get(side) or [])]
    return case, rows, ReconciliationDocument(**case.get("limits", {}))


def _row(side: str, place: int, said: dict[str, Any]) -> Row:
    known = {"order", "refund", "amount", "fee", "at", "day", "status", "again", "transaction", "entry", "currency",
             "kind", "account", "channel"}  # fmt: skip
    assert set(said) <= known, f"unknown word(s) {set(said) - known}"
    kind, currency = said.get("kind", "payment"), said.get("currency", "CNY")
    sign = -1 if kind == "refund" else 1
    at = said["at"] if isinstance(said["at"], datetime) else datetime.fromisoformat(said["at"])
    more: dict[str, Any] = {"kind": kind, "currency": currency, "success": said.get("status") != "failed"}
    if "fee" in said:
        more["fee"] = -sign * _fen(said["fee"], currency)
    more |= {name: said[name] for name in ("order", "refund", "account", "channel", "day") if name in said}
    number = str(place)
    if side == BILL:
        own = said.get("refund") if kind == "refund" else said.get("order")
        number = said.get("entry") or (said.get("transaction") if kind == "payment" else None) or f"T{own or place}"
        more |= {"occurrence": said.get("again", 1)}
    else:
        more["entry"] = said.get("entry") if kind == "refund" else said.get("transaction")
    if "transaction" in said:
        more["transaction"] = said["transaction"]
    return row(side, number, sign * _fen(said["amount"], currency), at, **more)


def _told(match: Match) -> tuple[str | None, str, int]:
    numbers = [one.reference or one.entry_id for one in match.rows]
    ours, bill = (sum(one.amount for one in side) for side in (match.ours, match.bill))
    return numbers[0], match.class_, ours - bill


def _wanted(case: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [
        (str(one.get("order", one.get("refund"))), one["class"], _fen(one["difference"])) for one in case["expected"]
    ]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_twin(path: Path) -> None:
    case, rows, document = _read(path)
    matches = reconcile(rows, case["business_date"], limits(document))
    assert sorted(map(_told, matches), key=str) == sorted(_wanted(case), key=str)
    for one in case["expected"]:
        further = {match.further_class for match in matches if _told(match)[:2] == (one.get("order"), one["class"])}
        assert "further" not in one or further == {one["further"]}
    _days(case, sums_by_day(matches))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_warehouse(path: Path, tmp_path: Path) -> None:
    case, rows, document = _read(path)
    project = ReconciliationProject(tmp_path)
    project.put(rows, case["business_date"], document)
    tables = project.build()
    numbers = {one.row_id: one.reference or one.entry_id for one in rows}
    told = [
        (numbers[one["item_id"]], one["class"], (one["ours_amount"] or 0) - (one["bill_amount"] or 0))
        for one in tables["reconciliation_items"].iter_rows(named=True)
    ]
    # rows that agree are counted, not told
    assert sorted(told, key=str) == sorted((one for one in _wanted(case) if one[1] != MATCHED), key=str)
    agreed = tables["reconciliation_days"].filter(pl.col("class") == MATCHED)
    twins = [match for match in reconcile(rows, case["business_date"], limits(document)) if match.class_ == MATCHED]
    assert agreed["ours_count"].sum() == sum(len(match.ours) for match in twins)
    assert agreed["bill_count"].sum() == sum(len(match.bill) for match in twins)
    found: dict[tuple[date, str, str, str], dict[str, int]] = {}
    for one in tables["reconciliation_days"].iter_rows(named=True):
        cell = found.setdefault((one["day"], one["channel"], one["account_id"], one["currency"]), {})
        cell[one["class"]] = cell.get(one["class"], 0) + one["difference_amount"]
    _days(case, found)
    fees = {
        (numbers[one["item_id"]], one["class"]): one["fee_difference"]
        for one in tables["reconciliation_items"].iter_rows(named=True)
    }
    for one in case["expected"]:
        if "fee_difference" in one:
            assert fees[one["order"], one["class"]] == _fen(one["fee_difference"])


def _days(case: dict[str, Any], found: dict[tuple[date, str, str, str], dict[str, int]]) -> None:
    of_day: Callable[[Any], dict[str, int]] = lambda day: {  # noqa: E731
        class_: sum(classes.get(class_, 0) for cell, classes in found.items() if cell[0] == day)
        for class_ in {name for cell, classes in found.items() if cell[0] == day for name in classes}
    }
    for one in case.get("days", []):
        classes = {name: _fen(amount) for name, amount in one["classes"].items()}
        told = {name: amount for name, amount in of_day(one["day"]).items() if amount or name in classes}
        assert told == classes
        assert MATCHED not in told
        assert sum(told.values()) == _fen(one["difference"]) == _fen(one["ours"]) - _fen(one["bill"])
