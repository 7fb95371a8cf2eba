"""Statements as files: the canonical bytes that are hashed, the same for equal rows whatever their order is.

UTF-8, LF, fixed columns, sorted by (period, party, currency, line, component); plain decimals with the currency's
places; no time stamps. A statement begins with its opening balance and ends with its closing balance; the rows between
sum to the difference. The file of a close is the header and the bodies of all its statements.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from models.errors import ExpectedError
from models.money import minor_units

#: Legs that balance a posting and belong to no statement.
CONTRA = ("clearing", "cash", "fx")
#: What a statement says of itself, minor units: columns of ``settlement_statements``.
TOTALS = ("opening", "earned", "clawback", "fee", "tax", "adjustments", "paid", "closing")
#: Columns of a file, in their order.
COLUMNS = (
    *("period", "party_id", "currency", "kind", "posted_on", "economic_date", "line_id", "component_seq", "component"),
    *("party_role", "original_line_id", "order_key", "store_id", "region", "salesperson_id", "rule_id", "rule_version"),
    *("base_amount", "amount", "entry_id"),
)
ORDER = ("line_id", "component_seq", "entry_id", "posted_on", "store_id", "party_role", "amount")


class StatementError(ExpectedError):
    """A statement does not follow from its rows."""


@dataclass(frozen=True)
class StatementFile:
    """One party's statement in canonical form. ``body`` is the file without its header."""

    period: str
    party_id: str
    currency: str
    body: bytes

    @property
    def content(self) -> bytes:
        return header() + self.body

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def header() -> bytes:
    return (",".join(COLUMNS) + "\n").encode()


def statement_files(statements: pl.DataFrame, rows: pl.DataFrame) -> Iterator[StatementFile]:
    """Canonical files by (party, currency). ``statements``: totals of one period; ``rows``: the ledger's rows in it.

    Contra legs are passed over. Raises StatementError when rows and totals do not agree, or rows have no statement.
    """
    of_parties = rows.filter(~pl.col("component").is_in(CONTRA))
    by_party = {
        (str(party), str(currency)): lines
        for (party, currency), lines in of_parties.partition_by(
            "party_id", "currency", as_dict=True, include_key=True
        ).items()
    }
    for statement in statements.sort("party_id", "currency").iter_rows(named=True):
        lines = by_party.pop((statement["party_id"], statement["currency"]), of_parties.clear())
        check(statement, lines)
        yield StatementFile(
            statement["period"], statement["party_id"], statement["currency"], _body(statement, lines.sort(ORDER))
        )
    if by_party:
        party, currency = sorted(by_party)[0]
        raise StatementError(f"{party} has rows in {currency} and no statement; run the whole main job again")


def check(statement: Mapping[str, Any], lines: pl.DataFrame) -> None:
    """I17: what a statement says is what its rows sum to. Raises StatementError."""
    moved = int(lines["amount"].sum())
    said = (
        statement["earned"]
        - statement["clawback"]
        - statement["fee"]
        - statement["tax"]
        + statement["adjustments"]
        - statement["paid"]
    )
    named = f"statement {statement['period']} of {statement['party_id']} in {statement['currency']}"
    if statement["opening"] + said != statement["closing"]:
        raise StatementError(f"{named}: opening {statement['opening']} and {said} are not {statement['closing']}")
    if moved != said or lines.height != statement["lines_count"]:
        raise StatementError(
            f"{named}: its {lines.height} rows sum to {moved}, it says {statement['lines_count']} rows and {said}"
        )


def major(amount: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Minor units as plain decimal text with the currency's places: -12000 in CNY is ``-120.00``."""
    units = minor_units(currency)
    places = units.cast(pl.String).str.len_chars() - 1
    whole, part = amount.abs() // units, amount.abs() % units
    digits = (part + units).cast(pl.String).str.slice(1)
    text = pl.when(places > 0).then(pl.concat_str(whole, pl.lit("."), digits)).otherwise(whole.cast(pl.String))
    return pl.when(amount.is_null()).then(None).otherwise(pl.when(amount < 0).then("-" + text).otherwise(text))


def _body(statement: Mapping[str, Any], lines: pl.DataFrame) -> bytes:
    balances = {
        kind: pl.DataFrame({"kind": [kind], "amount": [statement[column]], "lines": [statement["lines_count"]]})
        for kind, column in (("OPENING", "opening"), ("CLOSING", "closing"))
    }
    rows = pl.concat([balances["OPENING"], lines, balances["CLOSING"]], how="diagonal_relaxed")
    keys = {name: pl.lit(statement[name]) for name in ("period", "party_id", "currency")}
    written = rows.with_columns(**keys).with_columns(
        amount=major(pl.col("amount"), pl.col("currency")),
        base_amount=major(pl.col("base_amount"), pl.col("currency")),
    )
    return written.select(COLUMNS).write_csv(include_header=False, line_terminator="\n", null_value="").encode()
