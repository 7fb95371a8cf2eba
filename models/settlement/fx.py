"""Settling in another currency: one total per line converted once, its legs given their parts of it (semantics, 4.6).

Twin of the dbt models ``settlement_fx_choices``, ``settlement_posting_fx`` and ``settlement_conversions``. A line's
total is rounded half up; its legs are the largest remainder of that total on the original legs. A refund takes back at
the rate of its line: what is back after it less what was back before it, of the total and of every leg, so that a line
that is refunded in full leaves nobody a cent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from models.money import exponent, largest_remainder
from models.settlement.accumulating import given_back, half_up
from models.settlement.facts import Entry, TransferEntry
from models.settlement.rules import Rule

E8 = 10**8


@dataclass(frozen=True)
class FxRate:
    """Units of ``quote`` for one of ``base``, as published on a day."""

    day: date
    base: str
    quote: str
    rate: Decimal
    source: str = "*"

    @property
    def rate_id(self) -> str:
        return f"{self.source}:{self.base}/{self.quote}:{self.day.isoformat()}"

    @property
    def rate_e8(self) -> int:
        return int((self.rate * E8).quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True)
class Conversion:
    """One row of ``settlement_conversions``: an entry in the currency that it is settled in.

    ``settled_amount`` None: no rate was published by then, the entry is held back.
    """

    entry_id: str
    line_id: str
    sold_line_id: str
    store_id: str
    currency: str
    settle_currency: str
    rate_id: str | None
    rate_e8: int | None
    amount: int
    settled_amount: int | None


def rate_on(policy: str, day: date) -> date:
    """Up to which day a rate is looked for: the fact's own (txn_date), or its month's first or last (period_end)."""
    if policy == "month_first":
        return day.replace(day=1)
    if policy == "period_end":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return day


def choose_rate(rates: Iterable[FxRate], base: str, quote: str, day: date) -> FxRate | None:
    """The latest published up to a day, never a later one; of several sources the first in the alphabet."""
    known = [rate for rate in rates if (rate.base, rate.quote) == (base, quote) and rate.day <= day]
    return min(known, key=lambda rate: (-rate.day.toordinal(), rate.source), default=None)


def converted(amount: int, currency: str, settle: str, rate_e8: int) -> int:
    """Minor units of one currency as minor units of another, half up."""
    return half_up(amount * rate_e8 * 10 ** exponent(settle), E8 * 10 ** exponent(currency))


def conversions(
    entries: Sequence[Entry], transfers: Sequence[TransferEntry], rules: Sequence[Rule], rates: Sequence[FxRate]
) -> list[Conversion]:
    """Of all entries whose rule settles in another currency than theirs, in no order.

    ``entries`` hold whole lines, refunds of a line in the order in which they were taken, as ``settle`` gives them.
    """
    terms = {(rule.rule_id, rule.version): rule for rule in rules if rule.settle_in}
    postings: dict[str, list[Entry]] = {}
    for entry in entries:
        rule = terms.get((entry.rule_id, entry.rule_version))
        if rule and rule.settle_in != entry.currency:
            postings.setdefault(_posting(entry), []).append(entry)
    chosen = {name: _rate(legs, terms, rates) for name, legs in postings.items() if not _linked(legs[0])}
    found: list[Conversion] = []
    of_line: dict[str, list[list[Entry]]] = {}
    for name, legs in postings.items():
        if _linked(legs[0]):
            of_line.setdefault(legs[0].original_line_id or "", []).append(legs)
        else:
            found += _split(legs, *chosen[name])
    for line, refunds in of_line.items():
        settle, rate = chosen[f"SALE:{line}"]
        chosen |= {_posting(legs[0]): (settle, rate) for legs in refunds}
        found += _refunds(postings[f"SALE:{line}"], refunds, settle, rate)
    for transfer in transfers:
        if _posting(transfer) in chosen:
            found.append(_transfer(transfer, *chosen[_posting(transfer)]))
    return found


def _posting(entry: Entry | TransferEntry) -> str:
    return f"{entry.posting}:{entry.line_id}" + (":EXCESS" if entry.link_state == "EXCESS" else "")


def _linked(entry: Entry) -> bool:
    return entry.link_state == "LINKED"


def _rate(
    legs: Sequence[Entry], terms: dict[tuple[str, str], Rule], rates: Sequence[FxRate]
) -> tuple[str, FxRate | None]:
    rule, first = terms[legs[0].rule_id, legs[0].rule_version], legs[0]
    assert rule.settle_in is not None
    day = rate_on(rule.rate_day, first.economic_date)
    return rule.settle_in, choose_rate(rates, first.currency, rule.settle_in, day)


def _row(entry: Entry | TransferEntry, settle: str, rate: FxRate | None, amount: int | None) -> Conversion:
    sold = entry.original_line_id or entry.line_id
    return Conversion(
        entry_id=entry.entry_id,
        line_id=entry.line_id,
        sold_line_id=sold,
        store_id=entry.store_id,
        currency=entry.currency,
        settle_currency=settle,
        rate_id=rate.rate_id if rate else None,
        rate_e8=rate.rate_e8 if rate else None,
        amount=entry.amount,
        settled_amount=amount,
    )


def _split(legs: Sequence[Entry], settle: str, rate: FxRate | None) -> list[Conversion]:
    if rate is None:
        return [_row(leg, settle, None, None) for leg in legs]
    total = converted(legs[0].base_amount, legs[0].currency, settle, rate.rate_e8)
    return [_row(leg, settle, rate, part) for leg, part in zip(legs, _shares(total, legs), strict=True)]


def _shares(total: int, legs: Sequence[Entry]) -> list[int]:
    weights = [abs(leg.amount) for leg in legs]
    return largest_remainder(total, weights) if any(weights) else [0 for _ in legs]


def _refunds(
    sold: Sequence[Entry], refunds: Sequence[Sequence[Entry]], settle: str, rate: FxRate | None
) -> list[Conversion]:
    """Refunds of one line, in the order in which they were taken."""
    if rate is None:
        return [_row(leg, settle, None, None) for legs in refunds for leg in legs]
    found, back, taken = [], [0] * len(sold), 0
    shares = [0] * len(sold)
    whole = sum(leg.amount for leg in sold)
    total = converted(whole, sold[0].currency, settle, rate.rate_e8)
    for legs in refunds:
        back = [had - leg.amount for had, leg in zip(back, legs, strict=True)]
        taken -= legs[0].base_amount
        after = largest_remainder(given_back(total, taken, whole), back) if any(back) else [0 for _ in back]
        found += [_row(leg, settle, rate, had - has) for leg, had, has in zip(legs, shares, after, strict=True)]
        shares = after
    return found


def _transfer(transfer: TransferEntry, settle: str, rate: FxRate | None) -> Conversion:
    if rate is None:
        return _row(transfer, settle, None, None)

    def worth(amount: int) -> int:
        return converted(amount, transfer.currency, settle, rate.rate_e8)

    if transfer.form != "reversal" or transfer.before_value is None or transfer.after_value is None:
        return _row(transfer, settle, rate, worth(transfer.amount))
    back = worth(transfer.before_value) - worth(transfer.after_value)
    return _row(transfer, settle, rate, back if transfer.side == "party" else -back)
