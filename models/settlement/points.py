"""Points as a tender: what the points of an order are worth on each line. Twin of ``settlement_line_points``."""

from collections.abc import Sequence
from itertools import groupby

from models.money import largest_remainder
from models.settlement.facts import Sale


def line_points(sales: Sequence[Sale]) -> dict[str, int]:
    """Line -> its part of what the points of its order are worth, by largest remainder on the lines' amounts.

    Lines of nothing get nothing; an order never has more points than it was paid.
    """
    paid = sorted((sale for sale in sales if sale.amount > 0), key=lambda sale: (sale.order_key, sale.currency))
    found: dict[str, int] = {}
    for _, group in groupby(paid, key=lambda sale: (sale.order_key, sale.currency)):
        lines = sorted(group, key=lambda sale: (sale.line_no, sale.line_id))
        amounts = [line.amount for line in lines]
        points = min(max(line.order_points for line in lines), sum(amounts))
        found |= dict(zip((line.line_id for line in lines), largest_remainder(points, amounts), strict=True))
    return found
