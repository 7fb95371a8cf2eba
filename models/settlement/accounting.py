"""A closed or open period as plain-text accounting: Beancount or hledger read it and are the outside referee.

One transaction per posted day, store and currency; one for the opening balances; and for every party the assertion that
its balance after the period is the closing balance of its statement. A file in which an amount was changed no longer
holds, in their eyes, not ours.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal

import polars as pl

from models.money import exponent, to_major
from models.settlement.periods import Period

AccountingFormat = Literal["beancount", "hledger"]
OPENING = "Equity:Opening"
_NAME = re.compile(r"[^A-Za-z0-9-]+")


def account(component: str, party_id: str) -> str:
    """A party's account, or that of a contra leg. Different parties never get one name: what is not Latin is hashed."""
    name = _NAME.sub("-", party_id).strip("-")
    if name != party_id:
        name = f"{name}-{hashlib.sha256(party_id.encode()).hexdigest()[:8]}".strip("-")
    root = {"clearing": "Assets:Clearing", "cash": "Assets:Cash", "fx": "Equity:Exchange"}.get(
        component, "Liabilities:Parties"
    )
    return f"{root}:P-{name}"


def export(form: AccountingFormat, period: Period, statements: pl.DataFrame, rows: pl.DataFrame) -> str:
    """The journal. ``statements``: of the period; ``rows``: of the ledger in it, contra legs too. Equal in, equal out.

    Parties' balances are liabilities: what they earned stands negative, as in any double entry.
    """
    lines = [f"; Siyu settlement {period.label}", ""]
    if form == "beancount":
        lines += [*_opened(period, statements, rows), ""]
    lines += _opening(form, period, statements)
    for keys, legs in _postings(rows):
        lines += [*_transaction(form, keys, legs), ""]
    lines += _assertions(form, period, statements)
    return "\n".join(lines).rstrip("\n") + "\n"


def _opened(period: Period, statements: pl.DataFrame, rows: pl.DataFrame) -> list[str]:
    of_rows = {account(component, party) for component, party in rows.select("component", "party_id").iter_rows()}
    of_statements = {account("split", party) for party in statements["party_id"]}
    return [f"{period.starts_on} open {name}" for name in sorted({OPENING} | of_rows | of_statements)]


def _opening(form: AccountingFormat, period: Period, statements: pl.DataFrame) -> list[str]:
    lines = []
    for (currency,), of_currency in _sorted_groups(statements.filter(pl.col("opening") != 0), "currency"):
        legs = {account("split", row["party_id"]): -row["opening"] for row in of_currency.iter_rows(named=True)}
        legs[OPENING] = -sum(legs.values())
        lines += [*_transaction(form, (period.starts_on, "opening balances", currency), legs), ""]
    return lines


def _postings(rows: pl.DataFrame) -> Iterator[tuple[tuple[date, str, str], Mapping[str, int]]]:
    """Legs by account of each posted day, store and currency. A credit is negative."""
    named = rows.with_columns(
        pl.struct("component", "party_id")
        .map_elements(lambda row: account(row["component"], row["party_id"]), return_dtype=pl.String)
        .alias("account")
    )
    for keys, found in _sorted_groups(named, "posted_on", "store_id", "currency"):
        summed = found.group_by("account").agg(pl.col("amount").sum()).sort("account")
        yield keys, {name: -int(amount) for name, amount in summed.select("account", "amount").iter_rows()}


def _transaction(form: AccountingFormat, keys: tuple[date, str, str], legs: Mapping[str, int]) -> list[str]:
    day, of, currency = keys
    words = f'{day} * "{of}"' if form == "beancount" else f"{day} * {of}"
    return [words, *(f"  {name}  {_amount(amount, currency)} {currency}" for name, amount in sorted(legs.items()))]


def _assertions(form: AccountingFormat, period: Period, statements: pl.DataFrame) -> list[str]:
    """Beancount asserts at the beginning of a day; hledger behind a posting of nothing, on the last day."""
    ordered = statements.sort("party_id", "currency").iter_rows(named=True)
    closing = [(account("split", row["party_id"]), -row["closing"], row["currency"]) for row in ordered]
    if form == "beancount":
        return [f"{period.open_from} balance {name}  {_amount(due, ccy)} {ccy}" for name, due, ccy in closing]
    lines = [f"{period.ends_on} * closing balances of statements"]
    return [*lines, *(f"  {name}  0 {ccy} = {_amount(due, ccy)} {ccy}" for name, due, ccy in closing)]


def _amount(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency):.{exponent(currency)}f}"


def _sorted_groups(frame: pl.DataFrame, *columns: str) -> Iterator[tuple[Any, pl.DataFrame]]:
    groups = frame.partition_by(columns, as_dict=True)
    yield from sorted(groups.items(), key=lambda item: item[0])
