"""What is settled, and what comes out: sales and refunds, and the entries of their parties.

Amounts are minor units, quantities thousandths of a unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from models.settlement.rules import Part


@dataclass(frozen=True)
class Place:
    """What of a store decides its rule and its parties, as it was on the day of the fact."""

    store_id: str
    region: str
    store_type: str
    business_type: str
    country: str = ""
    city: str = ""
    agent: str = ""

    @property
    def channel(self) -> str:
        return "online" if self.store_type == "online" else "offline"


@dataclass(frozen=True)
class Sale:
    """A sold order line. ``economic_date`` is the store's civil day; ``happened_at`` (UTC) orders what accumulates.

    ``order_points``: what the points were worth that paid a part of the whole order; the same on each of its lines.
    """

    line_id: str
    order_key: str
    place: Place
    amount: int
    currency: str
    economic_date: date
    salesperson_id: str | None = None
    line_no: str = ""
    quantity_milli: int = 1000
    happened_at: datetime | None = None
    tax_category: str | None = None
    order_points: int = 0

    @property
    def combination(self) -> tuple[str, ...]:
        """In the order of RULE_KEYS."""
        at = self.place
        return at.city, at.region, at.country, at.store_type, at.business_type, at.channel, at.agent

    @property
    def order(self) -> tuple[datetime, str, str, str]:
        """In which order facts accumulate."""
        at = self.happened_at or datetime.combine(self.economic_date, time())
        return at, self.order_key, self.line_no, self.line_id


@dataclass(frozen=True)
class Refund:
    """A refund line. ``amount`` is positive, in minor units; ``place`` is the store that refunded."""

    line_id: str
    order_key: str | None
    place: Place
    amount: int
    currency: str
    economic_date: date
    refunded_at: datetime


@dataclass(frozen=True)
class Entry:
    """One row of ``settlement_entries``: what one party gets of one line.

    ``amount`` = sign of ``base_amount`` x (``floor_amount`` + ``rounding``), ``floor_amount`` = floor of
    |``base_amount``| x ``weight`` / ``weight_total``. The weights of a linked refund are the remaining amounts.
    """

    entry_id: str
    posting: str
    line_id: str
    original_line_id: str | None
    order_key: str | None
    store_id: str
    region: str
    store_type: str
    business_type: str
    currency: str
    period: str
    rule_id: str
    rule_version: str
    party_role: str
    party_id: str
    link_state: str | None
    salesperson_id: str | None
    component_seq: int
    base_amount: int
    rate_ppm: int
    weight: int
    weight_total: int
    floor_amount: int
    rounding: int
    amount: int
    economic_date: date


@dataclass(frozen=True)
class TransferEntry:
    """One row of ``settlement_transfers``: what one side of a transfer gets (``party``) or gives (``payer``) by a line.

    How ``amount`` follows from the other columns, by ``form``: ``models.settlement.transfers``.
    """

    entry_id: str
    posting: str
    line_id: str
    original_line_id: str | None
    order_key: str | None
    store_id: str
    region: str
    store_type: str
    business_type: str
    component: str
    currency: str
    period: str
    rule_id: str
    rule_version: str
    party_role: str
    party_id: str
    side: str
    form: str
    link_state: str | None
    salesperson_id: str | None
    bound: str | None
    line_amount: int
    points_amount: int | None
    tax_id: str | None
    tax_ppm: int | None
    tax_amount: int | None
    base_amount: int
    rate_ppm: int
    computed_amount: int | None
    bound_amount: int | None
    weight: int | None
    weight_total: int | None
    floor_amount: int | None
    rounding: int | None
    before_amount: int | None
    after_amount: int | None
    before_value: int | None
    after_value: int | None
    amount: int
    economic_date: date


def party_id(kind: str, sale: Sale) -> str | None:
    """Who a party is on a fact; None when the fact has nobody of the kind."""
    at = sale.place
    match kind:
        case "hq":
            return "hq"
        case "region":
            return at.region
        case "store":
            return at.store_id
        case "agent":
            return f"agent:{at.agent or at.region}"
        case "sales":
            return sale.salesperson_id
        case "platform":
            return f"platform:{at.channel}"
    return kind  # account:<its number>


def effective_weights(parts: Sequence[Part], present: Sequence[bool]) -> list[int]:
    """Weights on a posting: that of a party which the fact does not have goes to the residual owner."""
    freed = sum(part.weight for part, there in zip(parts, present, strict=True) if not there)
    return [
        0 if not there else part.weight + (freed if part.is_residual else 0)
        for part, there in zip(parts, present, strict=True)
    ]


def with_place(sale: Sale, refund: Refund) -> Sale:
    """A refund as a fact of its own, by the rules of its own day: with the parties of the sale that it belongs to."""
    return replace(
        sale,
        line_id=refund.line_id,
        line_no="",
        order_key=refund.order_key or "",
        place=refund.place,
        amount=-refund.amount,
        currency=refund.currency,
        economic_date=refund.economic_date,
        happened_at=refund.refunded_at,
        quantity_milli=0,
    )
