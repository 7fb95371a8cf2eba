"""Where each refund stands among the refunds of its line, and how much of it the line still holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.settlement.facts import Refund, Sale


@dataclass(frozen=True)
class Position:
    """A refund of a line: ``linked`` of it the line still held after ``before`` was refunded, ``excess`` it did not.

    ``is_excess``: also a refund that found nothing left, even of nothing.
    """

    refund: Refund
    linked: int
    before: int
    excess: int
    is_excess: bool

    def as_fact(self, sale: Sale) -> Sale:
        """The sale as its refund is posted: under the refund's number, on its day."""
        refund = self.refund
        order_key = refund.order_key or ""
        return replace(
            sale, line_id=refund.line_id, line_no="", order_key=order_key, economic_date=refund.economic_date
        )


def positions(sale: Sale, refunds: Sequence[Refund]) -> list[Position]:
    """In order of (refunded_at, line_id). What is in another currency than the line finds nothing left."""
    found, taken = [], 0
    for refund in sorted(refunds, key=lambda each: (each.refunded_at, each.line_id)):
        left = max(sale.amount - taken, 0) if refund.currency == sale.currency else 0
        linked = min(refund.amount, left)
        found.append(Position(refund, linked, taken, refund.amount - linked, refund.amount > linked or left == 0))
        taken += linked
    return found
