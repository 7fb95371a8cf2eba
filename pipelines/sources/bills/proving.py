"""Does a bill add up? Its closing lines against its lines, and the balance from line to line.

All sums are made in 1e-5 of a major unit and over every line, also over those that will be set apart: a bill that is
proven has lost nothing on its way. One that is not, is refused whole.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN
from pipelines.sources.bills.amounts import E5, in_e5, is_amount
from pipelines.sources.bills.reading import BillText

_COUNT = re.compile(r"^[0-9]+(?:\.0+)?$")
#: Business types of a split bill that bring money back, and titles of its closing figures.
RETURNS = r"(?i)回退|退回|return|refund"
_COUNTED, _SUMMED = re.compile(r"(?i)笔数|单数|count|number"), re.compile(r"(?i)金额|amount|sum")
_CUT_OFF = "the closing lines with the bill's own totals are missing: the file is cut off"


@dataclass(frozen=True)
class Breach:
    """Why a bill is refused: the column by its name in the bill, the rule, the value, the line if one is to blame."""

    column: str | None
    rule: str
    value: str | None = None
    row: int | None = None
    raw: str | None = None

    @property
    def words(self) -> str:
        place = ", ".join(part for part in (f"line {self.row}" if self.row else None, self.column) if part)
        return (f"{place}: " if place else "") + self.rule + (f" ({self.value})" if self.value else "")


@dataclass(frozen=True)
class Proof:
    """What the closing lines say, and what is wrong. ``unproven``: closing figures whose meaning is not known."""

    breaches: tuple[Breach, ...]
    declared_lines: int | None
    opening_e5: int | None = None
    closing_e5: int | None = None
    warnings: tuple[str, ...] = ()


def unreadable(bill: BillText) -> list[Breach]:
    """Lines whose amounts cannot be read: with them nothing can be proven."""
    width = len(bill.header)
    found = [] if bill.after or bill.ragged.is_empty() else [Breach(None, _CUT_OFF)]
    found += [
        Breach(None, f"the line has {cells} cells, the header {width}", None, row, raw)
        for row, raw, cells in bill.ragged.head(5).select(ROW_COLUMN, RAW_COLUMN, "found").iter_rows()
    ]
    for name in bill.layout.amounts:
        if name not in bill.names:
            continue
        bad = bill.rows.filter(~is_amount(pl.col(name))).select(ROW_COLUMN, RAW_COLUMN, name).head(5)
        found += [
            Breach(bill.names[name], "is no amount with at most five decimals", value, row, raw)
            for row, raw, value in bad.iter_rows()
        ]
    return found


def with_amounts(bill: BillText) -> pl.DataFrame:
    """The lines, each column of money also in 1e-5 as ``<name>_e5``."""
    return bill.rows.with_columns(
        in_e5(pl.col(name)).alias(f"{name}_e5") for name in bill.layout.amounts if name in bill.names
    )


def proven(bill: BillText, e5: pl.DataFrame) -> Proof:
    """Compare the lines with the closing lines, and for bills of accounts the balances too."""
    match bill.layout.channel, bill.layout.bill_type:
        case "alipay", "trade":
            return _alipay_trade(bill, e5)
        case "alipay", _:
            return _alipay_account(bill, e5)
        case _, "fund":
            return _fund(bill, e5)
        case _, "split" | "split_cross_border":
            return _split(bill, e5)
        case _:
            return _wechat_trade(bill, e5)


# ---------------------------------------------------------------------- WeChat Pay


def _wechat_trade(bill: BillText, e5: pl.DataFrame) -> Proof:
    if "lines" not in bill.totals:
        return Proof((Breach(None, _CUT_OFF),), None)
    sums = {name: _sum(e5, f"{name}_e5") for name in bill.layout.amounts if name in bill.names}
    checks = [_counted(bill, "lines", e5.height)]
    warnings = _unknown(bill)
    for name, stated in bill.totals.items():
        if name in sums and name != "fee":
            checks.append(_added(bill, name, stated, (sums[name],)))
        elif name not in ("lines", "fee") and name not in sums and _e5(stated):
            warnings.append(f"{_title(bill, name)} is {stated}, and the bill has no such column: not proven")
    if "fee" in bill.totals:
        # Fees of refunds are printed negative, or else without a sign: both are known
        returned = e5.filter(pl.col("trade_status").is_in(["REFUND", "REVOKED"]))
        other_way = (
            sums["fee"] - _sum(returned, "fee_e5") - _sum(returned.with_columns(pl.col("fee_e5").abs()), "fee_e5")
        )
        checks.append(_added(bill, "fee", bill.totals["fee"], (sums["fee"], other_way)))
    return Proof(tuple(_only(checks)), _count(bill.totals["lines"]), warnings=tuple(warnings))


def _fund(bill: BillText, e5: pl.DataFrame) -> Proof:
    if "lines" not in bill.totals:
        return Proof((Breach(None, _CUT_OFF),), None)
    income, expense = (e5.filter(pl.col("direction") == word) for word in ("收入", "支出"))
    moved = e5.with_columns(
        pl.when(pl.col("direction") == "支出").then(-pl.col("moved_e5").abs()).otherwise(pl.col("moved_e5").abs())
        .alias("moved_e5")
    )  # fmt: skip
    checks = [_counted(bill, "lines", e5.height)]
    for rows, word in ((income, "income"), (expense, "expense")):
        if f"{word}_lines" in bill.totals:
            checks.append(_counted(bill, f"{word}_lines", rows.height))
        if word in bill.totals:
            checks.append(_added(bill, word, bill.totals[word], (_sum(rows, "moved_e5"),)))
    balances = _balances(moved, bill.names["balance"])
    return Proof(
        tuple(_only([*checks, balances.breach])),
        _count(bill.totals["lines"]),
        balances.opening,
        balances.closing,
        tuple(_unknown(bill)),
    )


def _split(bill: BillText, e5: pl.DataFrame) -> Proof:
    """Its figures have no documented titles: a count must be that of some lines, an amount the sum of some."""
    if not bill.after:
        return Proof((Breach(None, _CUT_OFF),), None)
    returned = e5.filter(pl.col("business_type").str.contains(RETURNS))
    counts = (e5.height, e5.height - returned.height, returned.height)
    all_, back = _sum(e5, "moved_e5"), _sum(returned, "moved_e5")
    amounts = (all_, all_ - back, back, all_ - 2 * back)
    checks, warnings = [], []
    for title, stated in bill.unknown_totals.items():
        if _COUNTED.search(title):
            checks.append(_equal(title, stated, _count(stated), counts, money=False))
        elif _SUMMED.search(title):
            checks.append(_equal(title, stated, _e5(stated), amounts))
        else:
            warnings.append(f"the closing figure {title} is not known: not proven")
    return Proof(tuple(_only(checks)), e5.height, warnings=tuple(warnings))


# ---------------------------------------------------------------------- Alipay

_TRADE_LINE = re.compile(
    r"^#(?P<what>交易|退款)合计:(?P<lines>[0-9]+)笔,商家实收(?:退款)?共(?P<settled>-?[0-9.]+)元,"
    r"商家优惠(?:退款)?共(?P<discount>-?[0-9.]+)元"
)
_ACCOUNT_LINE = re.compile(r"^#(?P<what>收入|支出)合计:(?P<lines>[0-9]+)笔,共(?P<moved>-?[0-9.]+)元")


def _alipay_trade(bill: BillText, e5: pl.DataFrame) -> Proof:
    stated = _stated(bill, _TRADE_LINE)
    if stated.keys() != {"交易", "退款"}:
        return Proof((Breach(None, _CUT_OFF),), None)
    checks = []
    declared = 0
    for what, match in stated.items():
        rows = e5.filter(pl.col("kind_text") == what)
        declared += int(match["lines"])
        checks.append(_equal(f"#{what}合计", match["lines"], int(match["lines"]), (rows.height,), money=False))
        settled = _equal(bill.names["settled"], match["settled"], _e5(match["settled"]), (_sum(rows, "settled_e5"),))
        checks.append(settled)
        if "merchant_discount" in bill.names:
            sums = (_sum(rows, "merchant_discount_e5"),)
            stated_discount = _e5(match["discount"])
            checks.append(_equal(bill.names["merchant_discount"], match["discount"], stated_discount, sums))
    if declared != e5.height and not any(checks):
        return Proof(tuple(_only(checks)), declared, warnings=(f"{e5.height - declared} line(s) of a kind that the "
                     "closing lines do not count",))  # fmt: skip
    return Proof(tuple(_only(checks)), declared)


def _alipay_account(bill: BillText, e5: pl.DataFrame) -> Proof:
    stated = _stated(bill, _ACCOUNT_LINE)
    if stated.keys() != {"收入", "支出"}:
        return Proof((Breach(None, _CUT_OFF),), None)
    checks = []
    for what, column in (("收入", "income"), ("支出", "expense")):
        rows = e5.filter(pl.col(f"{column}_e5").fill_null(0) != 0)
        match = stated[what]
        checks.append(_equal(f"#{what}合计", match["lines"], int(match["lines"]), (rows.height,), money=False))
        sums = (abs(_sum(rows, f"{column}_e5")),)
        checks.append(_equal(bill.names[column], match["moved"], abs(_e5(match["moved"]) or 0), sums))
    moved = e5.with_columns(
        (pl.col("income_e5").fill_null(0) - pl.col("expense_e5").fill_null(0).abs()).alias("moved_e5")
    )
    balances = _balances(moved, bill.names["balance"])
    # Alipay says of this balance that it is for orientation: it need not go on from line to line
    warnings = () if balances.breach is None else (balances.breach.words,)
    declared = sum(int(match["lines"]) for match in stated.values())
    return Proof(tuple(_only(checks)), declared, balances.opening, balances.closing, warnings)


def _stated(bill: BillText, pattern: re.Pattern[str]) -> dict[str, re.Match[str]]:
    found = (pattern.match(unicodedata.normalize("NFKC", line).strip().rstrip(",")) for line in bill.after)
    return {match["what"]: match for match in found if match}


# ---------------------------------------------------------------------- balances


@dataclass(frozen=True)
class Balances:
    opening: int | None
    closing: int | None
    breach: Breach | None


def _balances(moved: pl.DataFrame, column: str) -> Balances:
    """Every balance after a line is the balance before another one, but for the last; in whatever order they stand.

    Lines of one second may be printed in any order, and some exports begin with the newest.
    """
    chain = moved.filter(pl.col("balance_e5").is_not_null()).with_columns(
        (pl.col("balance_e5") - pl.col("moved_e5")).alias("before_e5")
    )
    if chain.height < moved.height:
        row = moved.filter(pl.col("balance_e5").is_null()).row(0, named=True)
        return Balances(None, None, Breach(column, "the line has no balance", None, row[ROW_COLUMN], row[RAW_COLUMN]))
    if chain.is_empty():
        return Balances(None, None, None)
    ends = (
        pl.concat(
            [
                chain.select(pl.col("balance_e5").alias("balance"), pl.lit(1).alias("step")),
                chain.select(pl.col("before_e5").alias("balance"), pl.lit(-1).alias("step")),
            ]
        )
        .group_by("balance")
        .agg(pl.col("step").sum())
        .filter(pl.col("step") != 0)
    )
    if ends.is_empty():  # it ends as it began
        return Balances(chain["before_e5"][0], chain["before_e5"][0], None)
    closing, opening = (ends.filter(pl.col("step") == step)["balance"] for step in (1, -1))
    if ends.height == 2 and len(closing) == 1 and len(opening) == 1:
        return Balances(opening[0], closing[0], None)
    return Balances(None, None, _break(chain, column))


def _break(chain: pl.DataFrame, column: str) -> Breach:
    """The first line whose balance does not go on from the line before it, nor from any other line."""
    newest_first = chain["traded_at"][0] > chain["traded_at"][-1]
    ordered = chain.reverse() if newest_first else chain
    odd = ordered.slice(1).filter(~pl.col("before_e5").is_in(ordered["balance_e5"].implode()))
    row = (ordered.slice(1) if odd.is_empty() else odd).row(0, named=True)
    return Breach(
        column,
        "the balance does not go on from any other line: lines are missing or were changed",
        _plain(row["balance_e5"]),
        row[ROW_COLUMN],
        row[RAW_COLUMN],
    )


# ---------------------------------------------------------------------- figures


def _counted(bill: BillText, name: str, found: int) -> Breach | None:
    stated = bill.totals[name]
    return _equal(_title(bill, name), stated, _count(stated), (found,), money=False)


def _added(bill: BillText, name: str, stated: str, found: Iterable[int]) -> Breach | None:
    return _equal(_title(bill, name), stated, _e5(stated), found)


def _equal(title: str, stated: str, value: int | None, found: Iterable[int], *, money: bool = True) -> Breach | None:
    """A closing figure must be one of the sums that were found."""
    sums = list(found)
    if value in sums:
        return None
    shown = _plain(sums[0]) if money else str(sums[0])
    return Breach(title, "does not add up", f"the bill says {stated}, its lines give {shown}")


def _title(bill: BillText, name: str) -> str:
    """How the bill may call a closing figure: the first of its known names."""
    totals: Mapping[str, tuple[str, ...]] = bill.layout.totals or {}
    return totals[name][0]


def _unknown(bill: BillText) -> list[str]:
    return [f"the closing figure {name} is not known: not proven" for name in bill.unknown_totals]


def _only(checks: Iterable[Breach | None]) -> list[Breach]:
    return [breach for breach in checks if breach is not None]


def _sum(frame: pl.DataFrame, column: str) -> int:
    return int(frame[column].sum()) if column in frame.columns else 0


def _count(text: str) -> int | None:
    return int(text.split(".")[0]) if _COUNT.match(text) else None


def _e5(text: str) -> int | None:
    value: int | None = pl.select(in_e5(pl.lit(text))).item()
    return value


def _plain(e5: int) -> str:
    """1e-5 units as a bill prints them."""
    sign, size = ("-", -e5) if e5 < 0 else ("", e5)
    digits = f"{size % E5:05d}"
    return f"{sign}{size // E5}.{digits[:2] if digits.endswith('000') else digits}"
