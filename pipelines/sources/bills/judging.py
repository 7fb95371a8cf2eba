"""A bill as text → what is landed of it: its lines, one row for the bill itself, and the lines that are set apart.

A bill that cannot be read or does not add up is refused whole, with the reasons. Of a bill that adds up every line is
landed or in quarantine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from pipelines.lake import Accounting, Part
from pipelines.quarantine import REJECT_DTYPES, rejects, split
from pipelines.sources.bills import alipay, wechat_pay
from pipelines.sources.bills.amounts import rounded_minor
from pipelines.sources.bills.lines import Lines, Problem, Told, beijing_date
from pipelines.sources.bills.proving import Breach, Proof, proven, unreadable, with_amounts
from pipelines.sources.bills.reading import BillText
from pipelines.sources.files.table import FileRefusedError

_REMEDY = "download the bill again; if it stays so, report it to the channel"
_SHAPES: Mapping[tuple[str, str], Callable[[BillText, pl.DataFrame], Lines]] = {
    ("wechat_pay", "trade_all"): wechat_pay.payments,
    ("wechat_pay", "trade_success"): wechat_pay.payments,
    ("wechat_pay", "trade_refund"): wechat_pay.payments,
    ("wechat_pay", "fund"): wechat_pay.funds,
    ("wechat_pay", "split"): wechat_pay.splits,
    ("wechat_pay", "split_cross_border"): wechat_pay.splits,
    ("alipay", "trade"): alipay.payments,
    ("alipay", "account"): alipay.funds,
}


class BillRefusedError(FileRefusedError):
    """A bill that does not add up. ``rejected``: the reasons for quarantine; ``bill_id``: where it is known."""

    def __init__(self, message: str, rejected: pl.DataFrame, bill_id: str | None = None) -> None:
        super().__init__(message)
        self.rejected = rejected
        self.bill_id = bill_id


@dataclass(frozen=True)
class _Identity:
    """Whose bill it is, of which account and days."""

    bill_id: str
    account: str
    account_type: str | None
    first: date
    last: date


@dataclass(frozen=True)
class Judged:
    """What becomes of a bill. ``parts`` are for one batch; ``details`` for its line in the manifest."""

    bill_id: str
    bill_type: str
    parts: tuple[Part, ...]
    accounting: Accounting
    details: Mapping[str, Any]


def judge(bill: BillText, told: Told) -> Judged:
    """Prove a bill and shape it. Raises BillRefusedError when it does not add up, FileRefusedError when nobody says
    whose it is or of which day, or when it belongs to another merchant than it should."""
    name = bill.member.name
    e5 = with_amounts(bill)
    shaped = _SHAPES[bill.layout.channel, bill.layout.bill_type](bill, e5)
    if broken := unreadable(bill):
        raise refused(name, broken, _bill_id(bill, shaped, told))
    proof = proven(bill, e5)
    if proof.breaches:
        raise refused(name, proof.breaches, _bill_id(bill, shaped, told))
    identity = _identified(bill, shaped, told)
    whole = _completed(shaped, bill, identity)
    good, rejected = _sifted(whole, shaped.problems, bill.layout.dataset, name)
    row = _bill_row(bill, shaped, proof, identity)
    rows = e5.height
    apart = int(rejected["row"].n_unique())
    row = row.with_columns(pl.lit(apart, dtype=pl.Int64).alias("quarantined_lines"))
    parts = [Part("landed", "bills", row)]
    if good.height:
        parts.append(Part("landed", bill.layout.dataset, good))
    if rejected.height:
        parts.append(Part("quarantine", bill.layout.dataset, rejected))
    return Judged(
        identity.bill_id,
        bill.layout.bill_type,
        tuple(parts),
        Accounting(rows=rows, accepted=good.height, quarantined=apart),
        {
            "file": name,
            "sha256": bill.member.sha256,
            "bill": identity.bill_id,
            "format": {"encoding": bill.member.encoding, "columns": len(bill.header)},
            "unknown_columns": [column for column in bill.header if column not in bill.names.values()],
            "warnings": [{"message": words} for words in proof.warnings],
        },
    )


def refused(name: str, breaches: Sequence[Breach], bill_id: str | None) -> BillRefusedError:
    """The error for a bill that is refused whole, with its records of quarantine."""
    shown = "; ".join(breach.words for breach in breaches[:3]) + (" …" if len(breaches) > 3 else "")
    records = [
        (name, breach.row, breach.column, f"{breach.rule}: the whole bill is refused", breach.value, breach.raw)
        for breach in breaches
    ]
    return BillRefusedError(
        f"{name}: the bill does not add up, so that nothing of it was landed. {shown}. Remedy: {_REMEDY}",
        pl.DataFrame(records, schema=REJECT_DTYPES, orient="row"),
        bill_id,
    )


def _bill_id(bill: BillText, shaped: Lines, told: Told) -> str | None:
    """Of a bill that is refused, as far as it says whose it is: a later one of the same name takes its place."""
    try:
        return _identified(bill, shaped, told).bill_id
    except FileRefusedError:
        return None


def _identified(bill: BillText, shaped: Lines, told: Told) -> _Identity:
    """Raises FileRefusedError when neither the bill nor the one who hands it in says it."""
    if (bill.layout.channel, bill.layout.bill_type) == ("wechat_pay", "fund"):
        unnamed, account_type = told.unnamed, told.account_type or "BASIC"
    else:
        unnamed, account_type = None, None
    account = _account(bill.member.name, shaped.account_ids, told.account_id, unnamed)
    first, last = _days(bill, shaped, told)
    parts = (bill.layout.channel, account, bill.layout.bill_type, account_type, str(first), str(last))
    return _Identity(":".join(part for part in parts if part), account, account_type, first, last)


def _account(name: str, found: Sequence[str], told: str | None, unnamed: str | None) -> str:
    if told and found and set(found) != {told}:
        raise FileRefusedError(
            f"{name}: the bill is of merchant {', '.join(found)}, not of {told}; check which one is meant"
        )
    if len(found) > 1:
        raise FileRefusedError(f"{name}: the bill holds lines of several merchants ({', '.join(found)}); split it")
    account = told or (found[0] if found else unnamed)
    if account is None:
        raise FileRefusedError(
            f"{name}: the bill does not say of which merchant it is; state it: `scrm import-bill FILE --account NUMBER`"
        )
    return account


def _days(bill: BillText, shaped: Lines, told: Told) -> tuple[date, date]:
    if told.bill_date is not None:
        return told.bill_date, told.bill_date
    if bill.layout.channel == "alipay" and (stated := alipay.days_of(bill)) is not None:
        return stated
    days = shaped.frame.select(
        beijing_date(pl.col("occurred_at")).min().alias("first"),
        beijing_date(pl.col("occurred_at")).max().alias("last"),
    )
    first, last = days.row(0)
    if not isinstance(first, date) or not isinstance(last, date):
        raise FileRefusedError(
            f"{bill.member.name}: the bill has no dated line and does not say of which day it is; state it: `--date`"
        )
    return first, last


def _completed(shaped: Lines, bill: BillText, identity: _Identity) -> pl.DataFrame:
    """The lines with what the bill as a whole says. Several lines with one number are told apart by their order."""
    frame = shaped.frame
    of = contract(bill.layout.dataset)
    civil = beijing_date(pl.col("occurred_at"))
    day = pl.lit(identity.first) if identity.first == identity.last else civil
    frame = frame.with_columns(
        pl.lit(identity.bill_id).alias("bill_id"),
        pl.lit(bill.layout.channel).alias("channel"),
        pl.lit(identity.account).alias("account_id"),
        pl.lit(identity.account_type, dtype=pl.String).alias("account_type"),
        day.alias("bill_date"),
    )
    unit = [name for name in of.replaced_by if name in frame.columns]
    frame = frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(unit).alias("occurrence"))
    absent = [name for name in of.dtypes if name not in frame.columns]
    return frame.select(
        *(pl.col(name).cast(kind) for name, kind in of.dtypes.items() if name not in absent),
        *(pl.lit(None, dtype=of.dtypes[name]).alias(name) for name in absent),
        ROW_COLUMN,
        RAW_COLUMN,
    )


def _sifted(
    frame: pl.DataFrame, problems: Sequence[Problem], dataset: str, name: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(lines that can be landed, records of quarantine of the others)."""
    of = contract(dataset)
    bad = pl.Series([False]).new_from_index(0, frame.height)
    found = []
    for problem in problems:
        bad = bad | problem.mask
        shown = frame.with_columns(problem.value.alias("_shown")).filter(problem.mask)
        personal = problem.column in of.by_name and of.by_name[problem.column].personal
        value = pl.col("_shown")
        found.append(
            rejects(shown, file=name, column=problem.column, rule=problem.rule, value=value, personal=personal)
        )
    good, broken = split(frame.filter(~bad), of, file=name)
    return good, pl.concat([*found, broken]).sort("row", "column", maintain_order=True)


def _bill_row(bill: BillText, shaped: Lines, proof: Proof, identity: _Identity) -> pl.DataFrame:
    """The bill itself as ``bills``. Its sums hold every line, also those in quarantine: they are what was proven."""
    amounts = shaped.frame["amount"]
    fee = shaped.frame["fee_e5"].sum() if "fee_e5" in shaped.frame.columns else None
    balances = pl.DataFrame({"balance": [proof.opening_e5, proof.closing_e5]}, schema={"balance": pl.Int64})
    opening, closing = balances.select(rounded_minor(pl.col("balance"), pl.lit(shaped.currency))).to_series()
    row = {
        "bill_id": identity.bill_id,
        "channel": bill.layout.channel,
        "account_id": identity.account,
        "bill_type": bill.layout.bill_type,
        "account_type": identity.account_type,
        "file": bill.member.name,
        "sha256": bill.member.sha256,
        "currency": shaped.currency,
        "lines": bill.rows.height,
        "quarantined_lines": 0,
        "declared_lines": proof.declared_lines,
        "income_amount": int(amounts.filter(amounts > 0).sum()),
        "expense_amount": int(amounts.filter(amounts < 0).sum()),
        "fee_e5": fee,
        "opening_balance": opening,
        "closing_balance": closing,
        "starts_on": identity.first,
        "ends_on": identity.last,
        ROW_COLUMN: 1,
        RAW_COLUMN: None,
    }
    of = contract("bills")
    return pl.DataFrame([row], schema={**of.dtypes, ROW_COLUMN: pl.Int64, RAW_COLUMN: pl.String})
