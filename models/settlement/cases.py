"""Worked cases: a rulebook, a few sales and refunds, and what each party must get; written and read as YAML.

A finance person can write one, ``scrm settlement case FILE`` answers at once, and those of the tests are run on every
change. Amounts are major units, ``day`` is the store's civil day::

    case: T1 graduated tiers
    rulebook: {name: T1, rules: [...], default: ...}
    store: {store_id: S1, region: 上海, store_type: franchise, business_type: retail}
    sales:
      - {line: L1, amount: "350000.00", day: 2026-06-01}
    refunds:
      - {refund: R1, of: L1, amount: "10.00", day: 2026-07-02}
    expect:
      - {line: L1, component: rebate, parties: {S1: "6500.00", hq: "-6500.00"}}
      - {period: 2026-07, component: rebate, parties: {S1: "-0.20", hq: "0.20"}}
      - {parties: {S1: "350000.00"}}

An expectation without ``line`` or ``period`` is about everything, without ``component`` about all components together.
Parties that it does not name must get nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from models.documents.loading import Document, RefusedError
from models.documents.settlement import SettlementDocument
from models.documents.tax import TaxDocument
from models.money import display, to_minor
from models.settlement.evaluate import settle
from models.settlement.facts import Entry, Place, Refund, Sale, TransferEntry
from models.settlement.fx import FxRate, conversions
from models.settlement.rules import rules_of
from models.settlement.taxes import NO_TAXES, TaxTable


class StoreState(Document):
    """The store of a fact, as it is on its day."""

    store_id: str = "S1"
    region: str = ""
    store_type: str = ""
    business_type: str = ""
    country: str = ""
    city: str = ""
    agent: str = ""

    def place(self) -> Place:
        return Place(**self.model_dump())


class SaleCase(Document):
    """A sold line. ``order``: lines with the same one are one order; by default each line is its own.

    ``points``: what the points were worth that paid a part of the whole order; the same on each of its lines.
    """

    line: str
    amount: Decimal
    day: date
    order: str | None = None
    sales: str | None = None
    quantity: Decimal = Decimal(1)
    currency: str | None = None
    tax_category: str | None = None
    points: Decimal = Decimal(0)
    store: StoreState | None = None


class RefundCase(Document):
    """A refund; ``of`` is the line that it takes back, left out when nobody knows."""

    refund: str
    amount: Decimal
    day: date
    of: str | None = None
    currency: str | None = None
    store: StoreState | None = None


class RateCase(Document):
    """A published rate: units of ``quote`` for one of ``base``."""

    day: date
    base: str
    quote: str = "CNY"
    rate: Decimal

    def rate_of(self) -> FxRate:
        return FxRate(self.day, self.base, self.quote, self.rate)


class Expected(Document):
    """What parties get, of a line, of a period (2026-07), of a component, or of everything."""

    line: str | None = None
    period: str | None = None
    component: str | None = None
    parties: dict[str, Decimal]


class SettlementCase(Document):
    """A worked case. ``currency`` is that of amounts for which nothing else is said; ``taxes`` is a tax table,
    ``rates`` are published rates of exchange; what is expected is in the currency that is settled in.
    """

    case: str
    about: str = ""
    rulebook: SettlementDocument
    taxes: TaxDocument | None = None
    rates: tuple[RateCase, ...] = ()
    store: StoreState = StoreState()
    currency: str = "CNY"
    sales: tuple[SaleCase, ...] = ()
    refunds: tuple[RefundCase, ...] = ()
    expect: tuple[Expected, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _refunds_are_of_something(self) -> Self:
        lines = {sale.line for sale in self.sales}
        for refund in self.refunds:
            if refund.of is not None and refund.of not in lines:
                raise RefusedError(
                    f"refunds: {refund.refund} is of {refund.of}, which is no line of this case",
                    f"refunds: {refund.refund} 所退的明细 {refund.of} 不在本用例中",
                )
        return self


@dataclass(frozen=True)
class Difference:
    """Where a case comes out otherwise than expected: what it is about, the party, both amounts in minor units."""

    about: str
    party_id: str
    expected: int
    found: int
    currency: str

    def __str__(self) -> str:
        said, came = display(self.expected, self.currency), display(self.found, self.currency)
        return f"{self.about}: {self.party_id} gets {came} {self.currency}, not {said}"


def worked(case: SettlementCase) -> list[Entry | TransferEntry]:
    """All entries of a case as they are settled, without what is held back for want of a rate.

    Raises RuleGapError or RuleAmbiguityError when a fact has no rule, or two.
    """
    sales = [_sale(case, sale, number) for number, sale in enumerate(case.sales)]
    refunds = [(_refund(case, refund, number), refund.of) for number, refund in enumerate(case.refunds)]
    taxes = TaxTable(case.taxes) if case.taxes else NO_TAXES
    rules = rules_of(case.rulebook)
    entries, transfers = settle(sales, refunds, rules, taxes)
    found = {one.entry_id: one for one in conversions(entries, transfers, rules, [one.rate_of() for one in case.rates])}
    together: list[Entry | TransferEntry] = []
    everything: list[Entry | TransferEntry] = [*entries, *transfers]
    for entry in everything:
        conversion = found.get(entry.entry_id)
        if conversion is None:
            together.append(entry)
        elif conversion.settled_amount is not None:
            together.append(replace(entry, amount=conversion.settled_amount, currency=conversion.settle_currency))
    return together


def differences(case: SettlementCase) -> list[Difference]:
    """Where a case comes out otherwise than expected; empty when it holds."""
    entries = worked(case)
    return [one for expected in case.expect for one in _compared(case, expected, entries)]


def _compared(case: SettlementCase, expected: Expected, entries: Sequence[Entry | TransferEntry]) -> list[Difference]:
    found: dict[str, int] = {}
    for entry in entries:
        component = entry.component if isinstance(entry, TransferEntry) else "split"
        if (
            expected.line in (None, entry.line_id)
            and expected.period in (None, entry.period)
            and expected.component in (None, component)
        ):
            found[entry.party_id] = found.get(entry.party_id, 0) + entry.amount
    said = {party: to_minor(amount, case.currency) for party, amount in expected.parties.items()}
    about = " ".join(part for part in (expected.line, expected.period, expected.component) if part) or "all"
    return [
        Difference(about, party, said.get(party, 0), found.get(party, 0), case.currency)
        for party in sorted(said.keys() | found.keys())
        if said.get(party, 0) != found.get(party, 0)
    ]


def _moment(day: date, number: int) -> datetime:
    """Facts of one day happen in the order in which the case names them."""
    return datetime.combine(day, time(number // 60 % 24, number % 60))


def _sale(case: SettlementCase, sale: SaleCase, number: int) -> Sale:
    currency = sale.currency or case.currency
    return Sale(
        line_id=sale.line,
        order_key=sale.order or sale.line,
        place=(sale.store or case.store).place(),
        amount=to_minor(sale.amount, currency),
        currency=currency,
        economic_date=sale.day,
        salesperson_id=sale.sales,
        quantity_milli=int(sale.quantity * 1000),
        happened_at=_moment(sale.day, number),
        tax_category=sale.tax_category,
        order_points=to_minor(sale.points, currency),
    )


def _refund(case: SettlementCase, refund: RefundCase, number: int) -> Refund:
    currency = refund.currency or case.currency
    return Refund(
        line_id=refund.refund,
        order_key=None,
        place=(refund.store or case.store).place(),
        amount=to_minor(refund.amount, currency),
        currency=currency,
        economic_date=refund.day,
        refunded_at=_moment(refund.day, number),
    )
