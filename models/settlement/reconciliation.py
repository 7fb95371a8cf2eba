"""The exact twin of the reconciliation models, row by row in plain Python: the oracle of their tests.

Grain: one ``Row`` per payment or refund of either side; amounts in minor units, positive when the company gets it; days
are days of bills. All accounts given are compared. The SQL is ``dbt_project/models/settlement/reconciliation``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

OURS, BILL = "ours", "bill"
MATCHED, TIMING, DUPLICATE = "MATCHED", "TIMING", "DUPLICATE"
CHANNEL_MISSING, PLATFORM_MISSING = "CHANNEL_MISSING", "PLATFORM_MISSING"
STATUS_SHORT, STATUS_OVER = "STATUS_SHORT", "STATUS_OVER"
AMOUNT_SHORT, AMOUNT_OVER = "AMOUNT_SHORT", "AMOUNT_OVER"
CURRENCY_MISMATCH, FEE_MISMATCH, REFUND_ORPHAN = "CURRENCY_MISMATCH", "FEE_MISMATCH", "REFUND_ORPHAN"
#: All classes in the order of their precedence. SPLIT_MISMATCH waits for instructions of splits: there are none yet.
CLASSES = (
    DUPLICATE, CHANNEL_MISSING, PLATFORM_MISSING, TIMING, STATUS_SHORT, STATUS_OVER, CURRENCY_MISMATCH, AMOUNT_SHORT,
    AMOUNT_OVER, FEE_MISMATCH, "SPLIT_MISMATCH", REFUND_ORPHAN, MATCHED,
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """The reconciliation document: days, seconds, minor units, days."""

    missing_after_days: int = 3
    same_time_seconds: int = 600
    fee_tolerance: int = 0
    orphans_after_days: int = 30


@dataclass(frozen=True)
class Row:
    """``entry_id``: the channel's own number; ``reference``: the merchant's, of the order or the refund."""

    row_id: str
    side: str
    channel: str
    account_id: str
    kind: str
    entry_id: str | None
    reference: str | None
    transaction_id: str | None
    order_id: str | None
    currency: str
    stated_amount: int
    fee_amount: int | None
    is_success: bool
    day: date
    occurred_at: datetime

    @property
    def amount(self) -> int:
        """What moved: nothing when it failed."""
        return self.stated_amount if self.is_success else 0

    @property
    def account(self) -> tuple[str, str]:
        return self.channel, self.account_id


@dataclass(frozen=True)
class Match:
    """Rows that belong together, their class, and the next difference behind it."""

    match_id: str
    method: str
    ours: tuple[Row, ...]
    bill: tuple[Row, ...]
    class_: str = MATCHED
    further_class: str | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        return (*self.ours, *self.bill)


Cell = tuple[date, str, str, str]


def sums_by_day(matches: Iterable[Match]) -> dict[Cell, dict[str, int]]:
    """(day, channel, account, currency) -> class -> signed difference: each row counts where it lies."""
    days: dict[Cell, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for match in matches:
        for row in match.rows:
            cell = (row.day, row.channel, row.account_id, row.currency)
            days[cell][match.class_] += row.amount if row.side == OURS else -row.amount
    return {cell: dict(classes) for cell, classes in days.items()}


def reconcile(rows: Iterable[Row], business_date: date, limits: Limits) -> list[Match]:
    """Every row of the accounts that have bills, in exactly one match, by the match's id.

    Rows of ours from before an account's first bill are left out unless a bill has them.
    """
    given = list(rows)
    first_days: dict[tuple[str, str], date] = {}
    for row in given:
        if row.side == BILL:
            first_days[row.account] = min(row.day, first_days.get(row.account, row.day))
    asked = sorted((row for row in given if row.account in first_days), key=_in_time)
    found = _Found(asked)
    _by_number(found)
    _by_reference(found)
    _by_time(found, limits)
    for row in found.open():
        found.settle("none", [row])
    there = [match for match in found.matches if match.bill or match.ours[0].day >= first_days[match.ours[0].account]]
    orphans = _orphans(asked, first_days, limits)
    classified = (_classify(match, orphans, business_date, limits) for match in there)
    return sorted(classified, key=lambda match: match.match_id)


def _in_time(row: Row) -> tuple[datetime, str]:
    return row.occurred_at, row.row_id


def _success_first(row: Row) -> tuple[bool, datetime, str]:
    return not row.is_success, row.occurred_at, row.row_id


@dataclass
class _Found:
    rows: Sequence[Row]
    matches: list[Match] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def open(self, where: Callable[[Row], bool] = lambda _: True) -> list[Row]:
        return [row for row in self.rows if row.row_id not in self.done and where(row)]

    def settle(self, method: str, rows: Sequence[Row], lead: Row | None = None) -> None:
        ours = tuple(row for row in rows if row.side == OURS)
        bill = tuple(row for row in rows if row.side == BILL)
        self.done |= {row.row_id for row in rows}
        self.matches.append(Match((lead or rows[0]).row_id, method, ours, bill))


def _groups(rows: Iterable[Row], key: Callable[[Row], Any]) -> Iterator[tuple[list[Row], list[Row]]]:
    """The rows of one key, ours and the bill's."""
    grouped: dict[Any, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for row in rows:
        grouped[key(row)][row.side == BILL].append(row)
    yield from grouped.values()


def _by_number(found: _Found) -> None:
    known = found.open(lambda row: row.entry_id is not None)
    for ours, bill in _groups(known, lambda row: (*row.account, row.kind, row.entry_id)):
        ours.sort(key=_success_first)
        bill.sort(key=_success_first)
        went_well = [row for row in ours if row.is_success]
        together = (
            len(went_well) > 1
            and bool(bill)
            and bill[0].is_success
            and sum(row.amount for row in went_well) == bill[0].amount
            and len({row.currency for row in (*went_well, bill[0])}) == 1
        )
        if together:
            found.settle("many_to_one", [*went_well, bill[0]], ours[0])
        elif ours and bill:
            found.settle("number", [ours[0], bill[0]], ours[0])
        for row in [*ours[1:], *bill[1:]]:
            if row.row_id not in found.done:
                found.settle("duplicate" if row.is_success else "none", [row])


def _by_reference(found: _Found) -> None:
    def number(row: Row) -> tuple[Any, ...]:
        return *row.account, row.kind, row.reference

    def open_rows(success: bool = False) -> list[Row]:
        return found.open(lambda row: row.reference is not None and (row.is_success or not success))

    for ours, bill in _groups(open_rows(success=True), lambda row: (*number(row), row.currency, row.amount)):
        for one, other in zip(ours, bill, strict=False):
            found.settle("reference", [one, other])
    for ours, bill in _groups(open_rows(success=True), number):
        equal = sum(row.amount for row in ours) == sum(row.amount for row in bill)
        if equal and len({row.currency for row in (*ours, *bill)}) == 1:
            lead = min((row.row_id for row in ours), default="")
            if min(len(ours), len(bill)) == 1 and max(len(ours), len(bill)) > 1:
                method = "one_to_many" if len(bill) > 1 else "many_to_one"
                found.settle(method, [*ours, *bill], next(row for row in ours if row.row_id == lead))
    for ours, bill in _groups(open_rows(), number):
        for one, other in zip(sorted(ours, key=_success_first), sorted(bill, key=_success_first), strict=False):
            found.settle("reference", [one, other])


def _by_time(found: _Found, limits: Limits) -> None:
    key = lambda row: (*row.account, row.kind, row.currency, row.amount)  # noqa: E731
    for ours, bill in _groups(found.open(lambda row: row.is_success), key):
        apart: dict[tuple[str, str], float] = {}
        for one in ours:
            for other in bill:
                seconds = abs((one.occurred_at - other.occurred_at).total_seconds())
                may = one.entry_id is None and (one.reference is None or other.reference is None)
                if may and seconds <= limits.same_time_seconds:
                    apart[one.row_id, other.row_id] = seconds
        for one in ours:
            for other in bill:
                if _nearest_of_both(apart, one.row_id, other.row_id):
                    found.settle("time", [one, other])


def _nearest_of_both(apart: Mapping[tuple[str, str], float], one: str, other: str) -> bool:
    if (one, other) not in apart:
        return False
    rivals = [seconds for pair, seconds in apart.items() if (pair[0] == one) != (pair[1] == other)]
    return all(seconds > apart[one, other] for seconds in rivals)


def _orphans(rows: Iterable[Row], first_days: Mapping[tuple[str, str], date], limits: Limits) -> set[str]:
    """Ids of refunds whose payment neither side knows."""
    paid: set[tuple[Any, ...]] = set()
    refunds = []
    for row in rows:
        if row.kind == "payment":
            paid |= {(row.channel, row.transaction_id), (*row.account, row.order_id)}
        elif (row.day - first_days[row.account]).days >= limits.orphans_after_days:
            refunds.append(row)
    asked = {
        row.row_id: {
            *([(row.channel, row.transaction_id)] if row.transaction_id is not None else ()),
            *([(*row.account, row.order_id)] if row.order_id is not None else ()),
        }
        for row in refunds
    }
    return {row_id for row_id, numbers in asked.items() if numbers and not numbers & paid}


def _classify(match: Match, orphans: set[str], business_date: date, limits: Limits) -> Match:
    ours, bill = match.ours, match.bill
    if match.method == "duplicate":
        return _with(match, DUPLICATE)
    if not any(row.is_success for row in match.rows):
        return match
    orphan = [REFUND_ORPHAN] if all(row.row_id in orphans for row in match.rows) else []
    if not ours:
        return _with(match, PLATFORM_MISSING, *orphan)
    if not bill:
        is_late = (business_date - min(row.day for row in ours)).days > limits.missing_after_days
        return _with(match, CHANNEL_MISSING if is_late else TIMING, *orphan)
    return _with(match, *_differences(match, limits), *orphan)


def _differences(match: Match, limits: Limits) -> list[str]:
    """Classes of all that differs between two sides, in the order of precedence."""
    ours, bill = match.ours, match.bill
    found = []
    if len({row.day for row in match.rows}) > 1:
        found.append(TIMING)
    here, there = any(row.is_success for row in ours), any(row.is_success for row in bill)
    if here != there:
        return [*found, STATUS_SHORT if there else STATUS_OVER]
    if min(row.currency for row in ours) != min(row.currency for row in bill):
        return [*found, CURRENCY_MISMATCH]
    difference = sum(row.amount for row in ours) - sum(row.amount for row in bill)
    if difference:
        found.append(AMOUNT_SHORT if difference < 0 else AMOUNT_OVER)
    if all(row.fee_amount is not None for row in match.rows):
        expected, taken = (sum(row.fee_amount or 0 for row in side) for side in (ours, bill))
        if abs(expected - taken) > limits.fee_tolerance:
            found.append(FEE_MISMATCH)
    return found


def _with(match: Match, *classes: str) -> Match:
    class_, further, *_ = *classes, None, None
    return Match(match.match_id, match.method, match.ours, match.bill, class_ or MATCHED, further)
