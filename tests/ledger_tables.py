"""The models of the ledger alone, as SQL over tables in memory: facts in, closes in between, every rule of it held.

The statements are those that dbt compiles; tables stand in the place of the lake's files. A close freezes by the very
functions of a real one. A run costs a few hundredths of a second.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.contracts import CONTRACTS
from models.contracts.contract import Contract
from models.documents.payouts import MINIMUMS_SCHEMA
from models.settlement.closing import Basis, Frozen, freeze
from models.settlement.fx import converted
from models.settlement.periods import Period, parse_period
from tests import dbt_runs

Row = dict[str, Any]
ORDER = (
    "stg_store__statement_events",
    "settlement_watermark",
    "settlement_payments",
    "settlement_ledger",
    "settlement_party_days",
    "settlement_statements",
)
_TEXT, _INT = pl.String(), pl.Int64()
_TEXTS = (
    *("entry_id", "posting", "line_id", "original_line_id", "order_key", "store_id", "region", "currency"),
    *("rule_id", "rule_version", "party_role", "party_id", "salesperson_id"),
)
_NUMBERS = ("base_amount", "rate_ppm", "weight", "weight_total", "floor_amount", "amount")
ENTRIES: dict[str, pl.DataType] = {
    **dict.fromkeys(_TEXTS, _TEXT),
    **dict.fromkeys(_NUMBERS, _INT),
    **{"component_seq": pl.Int32(), "rounding": pl.Int32(), "economic_date": pl.Date()},
}
TRANSFERS: dict[str, pl.DataType] = {
    **ENTRIES,
    **dict.fromkeys(("component", "form", "bound"), _TEXT),
    **dict.fromkeys(("computed_amount", "bound_amount", "before_amount", "after_amount"), _INT),
    **dict.fromkeys(("before_value", "after_value"), _INT),
}
DECIDED = ("settlement_closings", "settlement_closed_entries", "settlement_closed_statements")
BASIS = Basis(date(2027, 1, 1), 1, "tests")


@cache
def statements() -> Mapping[str, str]:
    """Model or test → its SQL over bare table names."""
    with tempfile.TemporaryDirectory() as folder:
        selection = ("path:models/settlement/closing", "stg_store__statement_events", "path:tests/closing")
        found = dbt_runs.compiled(Path(folder), *selection)
        found |= dbt_runs.compiled(Path(folder), "path:tests/closing", kind="test")
    return {unique_id.split(".")[2]: _bare(sql) for unique_id, sql in found.items()}


def _bare(sql: str) -> str:
    sql = re.sub(r"read_parquet\('[^']*/inputs/(\w+)/[^)]*\)", r"\1", sql)
    return sql.replace('"warehouse"."main".', "")


def entry(line: str, party: str, amount: int, day: str, *, posting: str = "SALE", **more: Any) -> Row:
    """One party's part of one line of store S1, in CNY; its role is the party's name unless ``role`` says it."""
    role = more.pop("role", party)
    row = {
        **{"entry_id": f"{posting}:{line}:{role}", "posting": posting, "line_id": line, "order_key": f"O-{line}"},
        **{"store_id": "S1", "region": "华东", "currency": "CNY", "rule_id": "r", "rule_version": "v1"},
        **{"party_role": role, "party_id": party, "base_amount": amount, "amount": amount, "component_seq": 1},
        "economic_date": date.fromisoformat(day),
    }
    return row | more


@dataclass
class Books:
    """The closes of a company and what its newest run posts."""

    minimums: Mapping[str, int]
    closes: list[Frozen]
    connection: duckdb.DuckDBPyConnection

    @classmethod
    def open(cls, minimums: Mapping[str, int] | None = None) -> "Books":
        return cls(minimums or {}, [], duckdb.connect(config={"threads": 1}))

    #: (currency, settled in, rate in 10^-8): what is sold in the first is settled in the second
    settle_in: tuple[str, str, int | None] | None = None

    def run(self, entries: Sequence[Row], events: Sequence[Row] = (), transfers: Sequence[Row] = ()) -> None:
        """Build ledger and statements over the closes so far; every test of theirs must hold."""
        frames = {
            "settlement_entries": _frame(entries, ENTRIES),
            "settlement_transfers": _frame(transfers, TRANSFERS),
            **exchanged(entries, transfers, self.settle_in),
            "statement_events": _frame(events, CONTRACTS["statement_events"].file_dtypes),
            "run": pl.DataFrame({"business_date": [date(2027, 1, 1)]}),
            "settlement_minimums": pl.DataFrame(list(self.minimums.items()), schema=MINIMUMS_SCHEMA, orient="row"),
            **{name: self.frozen(name) for name in DECIDED},
        }
        for name, frame in frames.items():
            self._put(name, frame)
        for name in ORDER:
            self.connection.execute(f"create or replace table {name} as {statements()[name]}")
        broken = {
            name: rows.to_dicts()
            for name, sql in statements().items()
            if name.startswith("assert_") and (rows := self.connection.sql(sql).pl()).height
        }
        assert not broken, broken

    def frozen(self, name: str) -> pl.DataFrame:
        """What the closes froze, as the lake holds it."""
        known: Contract = CONTRACTS[name]
        parts = {
            "settlement_closings": [pl.DataFrame([frozen.closing]) for frozen in self.closes],
            "settlement_closed_entries": [frozen.entries for frozen in self.closes],
            "settlement_closed_statements": [frozen.statements for frozen in self.closes],
        }[name]
        return pl.concat([known.empty(), *(known.conform(part) for part in parts)])

    def close(self, label: str) -> Frozen:
        """Close a period of what was run last."""
        period: Period = parse_period(label)
        open_from = date(1900, 1, 1) if not self.closes else self.closes[-1].closing["open_from"]
        assert not self.closes or period.starts_on == open_from
        days = {"since": open_from, "until": period.open_from}
        ledger = "select * exclude (is_closed) from settlement_ledger where posted_on >= $since and posted_on < $until"
        rows = self.connection.sql(ledger, params=days).pl()
        of_period = self.connection.sql(
            "from settlement_statements where period = $period", params={"period": label}
        ).pl()
        previous = self.closes[-1].closing if self.closes else None
        self.closes.append(freeze(period, BASIS, rows, of_period, previous))
        return self.closes[-1]

    def table(self, name: str) -> pl.DataFrame:
        return self.connection.table(name).pl()

    def posted(self, **where: Any) -> list[tuple[str, str, int]]:
        """(kind, posted day, amount) of the parties' rows, in the order of days."""
        rows = self.table("settlement_ledger").filter(~pl.col("component").is_in(["clearing", "cash"]), **where)
        rows = rows.sort("posted_on", "party_id", "amount")
        return [
            (kind, day.isoformat(), amount) for kind, day, amount in rows["kind", "posted_on", "amount"].iter_rows()
        ]

    def statement(self, period: str, party: str, currency: str = "CNY") -> Row:
        (found,) = (
            self.table("settlement_statements").filter(period=period, party_id=party, currency=currency).to_dicts()
        )
        return found

    def _put(self, name: str, frame: pl.DataFrame) -> None:
        self.connection.register("given", frame.to_arrow())
        self.connection.execute(f"create or replace table {name} as from given")
        self.connection.unregister("given")


POSTING_FX = {
    **dict.fromkeys(("posting_id", "posting", "line_id", "original_line_id", "order_key", "store_id", "region"), _TEXT),
    **dict.fromkeys(("currency", "settle_currency", "rate_id"), _TEXT),
    **dict.fromkeys(("base_amount", "settled_amount"), _INT),
    "economic_date": pl.Date(),
}
CONVERSIONS = {
    **dict.fromkeys(("entry_id", "line_id", "settle_currency"), _TEXT),
    "settled_amount": _INT,
}


def exchanged(
    entries: Sequence[Row], transfers: Sequence[Row], settle_in: tuple[str, str, int | None] | None
) -> dict[str, pl.DataFrame]:
    """The tables of exchange for hand-made entries: each converted by itself, a posting by the sum of its entries."""
    base, quote, rate = settle_in or ("", "", None)
    postings: dict[str, Row] = {}
    rows = []
    for one in [row for row in (*entries, *transfers) if row["currency"] == base]:
        worth = None if rate is None else converted(one["amount"], base, quote, rate)
        rows.append(one | {"settle_currency": quote, "settled_amount": worth})
        if one in entries:
            name = f"{one['posting']}:{one['line_id']}"
            posting = postings.setdefault(name, one | {"posting_id": name, "base_amount": 0, "settled_amount": 0})
            posting |= {"settle_currency": quote, "rate_id": f"{base}/{quote}"}
            posting["base_amount"] += one["amount"]
            posting["settled_amount"] = None if worth is None else posting["settled_amount"] + worth
    return {
        "settlement_conversions": _frame(rows, CONVERSIONS),
        "settlement_posting_fx": _frame(list(postings.values()), POSTING_FX),
    }


def _frame(rows: Sequence[Row], dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in dtypes} for row in rows], schema=dict(dtypes), orient="row")
