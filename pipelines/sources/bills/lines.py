"""What the lines of every bill share: times, kinds, numbers damaged by a spreadsheet, and which line is set apart.

Times on bills are civil time of Beijing, whatever the company's own zone; they land as naive UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.sources.bills.amounts import is_whole
from pipelines.sources.bills.reading import BillText

BEIJING = "Asia/Shanghai"
YUAN = "CNY"
_PATTERNS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y%m%d %H:%M:%S")
_WITH_OFFSET = "%Y-%m-%dT%H:%M:%S%:z"
_SCIENTIFIC = r"^[0-9](?:\.[0-9]+)?[eE]\+[0-9]+$"


@dataclass(frozen=True)
class Told:
    """What the one who hands a bill in knows beside the bill: the merchant, which of its accounts, the day.

    ``account_id`` must be the bill's; ``unnamed``: the merchant of a bill of WeChat Pay that names none (fund bills).
    ``account_type``: of a fund bill; None is BASIC, as for the API.
    """

    account_id: str | None = None
    account_type: str | None = None
    bill_date: date | None = None
    unnamed: str | None = None


@dataclass(frozen=True)
class Problem:
    """Rows (a mask) that cannot be landed: the column of the contract, the rule, and the cell as printed."""

    column: str
    rule: str
    mask: pl.Series
    value: pl.Series


@dataclass(frozen=True)
class Lines:
    """Lines of a bill in the columns of their contract, as far as each line alone says them; ``_row`` and ``_raw``.

    ``account_ids``: the merchants that the bill names, itself or in its lines.
    """

    frame: pl.DataFrame
    problems: tuple[Problem, ...]
    account_ids: tuple[str, ...]
    currency: str


def cell(bill: BillText, name: str) -> pl.Expr:
    """A text column of the bill; nulls where the bill has no such column."""
    return pl.col(name) if name in bill.names else pl.lit(None, dtype=pl.String).alias(name)


def money(e5: pl.DataFrame, name: str) -> pl.Expr:
    """A column of money in 1e-5; nulls where the bill has no such column."""
    return pl.col(f"{name}_e5") if f"{name}_e5" in e5.columns else pl.lit(None, dtype=pl.Int64)


def utc(text: pl.Expr) -> pl.Expr:
    """Beijing time (or a time with an offset) to naive UTC; null for what is no time."""
    spaced = text.str.replace_all("/", "-", literal=True).str.replace_all(r"\s+", " ").str.replace_all("：", ":")
    civil = pl.coalesce(spaced.str.strptime(pl.Datetime("us"), pattern, strict=False) for pattern in _PATTERNS)
    there = civil.dt.replace_time_zone(BEIJING, non_existent="null", ambiguous="earliest")
    offset = text.str.strptime(pl.Datetime("us", "UTC"), _WITH_OFFSET, strict=False)
    return pl.coalesce(there.dt.convert_time_zone("UTC"), offset).dt.replace_time_zone(None)


def beijing_date(moment: pl.Expr) -> pl.Expr:
    """The civil day in Beijing of a naive UTC moment."""
    return moment.dt.replace_time_zone("UTC").dt.convert_time_zone(BEIJING).dt.date()


def number(text: pl.Expr) -> pl.Expr:
    """A number of something; ``0`` stands for none."""
    return pl.when(text != "0").then(text)


def one_of(text: pl.Expr, meaning: Mapping[str, str]) -> pl.Expr:
    """Our word for a printed one, without regard to case; null for one that is not known."""
    return text.str.to_uppercase().replace_strict(dict(meaning), default=None, return_dtype=pl.String)


def flagged(frame: pl.DataFrame, column: str, rule: str, mask: pl.Expr, value: pl.Expr) -> list[Problem]:
    """A problem if any row has it."""
    found = frame.select(mask.fill_null(False).alias("mask")).to_series()
    return [Problem(column, rule, found, frame.select(value.cast(pl.String)).to_series())] if found.any() else []


def untimed(frame: pl.DataFrame, column: str, moment: str, text: str) -> list[Problem]:
    return flagged(frame, column, f"{column} is not a time", pl.col(moment).is_null(), pl.col(text))


def scientific(frame: pl.DataFrame, columns: Sequence[str]) -> list[Problem]:
    """Numbers that a spreadsheet has shortened: their digits are lost."""
    return [
        problem
        for name in columns
        if name in frame.columns
        for problem in flagged(
            frame, name, f"{name} is in scientific notation", pl.col(name).str.contains(_SCIENTIFIC), pl.col(name)
        )
    ]


def not_whole(frame: pl.DataFrame, columns: Mapping[str, str], printed: Mapping[str, str]) -> list[Problem]:
    """Amounts with more decimals than their currency has. ``columns``: of the contract → in 1e-5."""
    return [
        problem
        for column, e5 in columns.items()
        for problem in flagged(
            frame,
            column,
            f"{column} has more decimals than its currency",
            ~is_whole(pl.col(e5), pl.col("currency")),
            pl.col(printed[e5]) if e5 in printed else pl.col(e5),
        )
    ]
