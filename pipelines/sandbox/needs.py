"""What people want and how they are: latent, known to the truth alone; what they buy and how they answer follows.

Wants change with the season, so that demand by category and month can be forecast.
"""

from datetime import date

import numpy as np
import polars as pl

from pipelines.sandbox.chance import Chance, Floats, Ints

CATEGORIES = ("绿茶", "红茶", "乌龙", "普洱", "白茶", "花草茶", "茶具", "茶点")
# name, share of people, taste by category, in whole numbers
NEEDS: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    ("daily_green", 26, (46, 8, 8, 3, 8, 12, 5, 10)),
    ("oolong", 18, (6, 10, 50, 8, 6, 4, 10, 6)),
    ("puer_collector", 12, (3, 6, 8, 56, 14, 1, 10, 2)),
    ("gifts", 14, (14, 16, 12, 16, 14, 4, 12, 12)),
    ("wellness", 18, (8, 8, 4, 8, 10, 48, 4, 10)),
    ("curious", 12, (12, 12, 12, 12, 12, 12, 14, 14)),
)
# Speed of each category by month, per cent of its yearly mean.
_MONTHS: tuple[tuple[int, ...], ...] = (
    (60, 70, 130, 190, 170, 120, 95, 85, 80, 70, 65, 65),
    (130, 120, 95, 80, 75, 70, 70, 75, 100, 120, 130, 135),
    (110, 105, 95, 90, 90, 90, 90, 95, 110, 115, 105, 105),
    (125, 115, 100, 90, 85, 80, 80, 85, 100, 110, 115, 115),
    (105, 100, 100, 105, 105, 100, 95, 95, 100, 100, 100, 95),
    (60, 65, 85, 105, 125, 150, 165, 155, 115, 75, 50, 50),
    (110, 105, 95, 95, 95, 110, 90, 85, 95, 95, 120, 105),
    (140, 125, 80, 80, 85, 85, 75, 85, 160, 115, 85, 85),
)
MOST_ACTIVE = (7, 8, 9, 11, 12, 13, 18, 19, 20, 21, 22)


def latent(people: pl.DataFrame, hidden: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One row per person, hidden: person_id, need (number in NEEDS), moved_by_offers (0 to 1), active_hour (civil),
    uses_app, uses_club (the second mini-program), visits_h5, browsing (sessions for each purchase)."""
    chance = Chance(seed, "needs")
    size = people.height
    draws = chance.uniform(size)
    moved = np.round(draws * draws, 4)
    # Online shoppers look for offers more often.
    moved = np.minimum(np.round(moved * (0.6 + hidden["online"].to_numpy()), 4), 1.0)
    uses = chance.happens(size, 0.45 + 0.5 * hidden["online"].to_numpy()) & people["unionid"].is_not_null().to_numpy()
    return pl.DataFrame(
        {
            "person_id": people["person_id"],
            "need": chance.pick(size, [weight for _, weight, _ in NEEDS]),
            "moved_by_offers": moved,
            "active_hour": np.array(MOST_ACTIVE)[chance.below(size, len(MOST_ACTIVE))].astype(np.int64),
            "uses_app": uses,
            "uses_club": uses & chance.happens(size, 0.35),
            "visits_h5": chance.happens(size, 0.22),
            "browsing": np.round(chance.lognormal(size, 1.0, 0.5), 3),
        }
    )


def shares(month: int) -> Floats:
    """For a month (1 to 12): how often each need (row) asks for each category (column); rows add up to 1."""
    taste = np.array([weights for _, _, weights in NEEDS], dtype=np.float64)
    weighted = taste * np.array([season[month - 1] for season in _MONTHS]) / 100
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))


def wanted(chance: Chance, need: Ints, month: Ints, products: pl.DataFrame) -> Ints:
    """The product (row number of ``products``) of each line, by need and month, popular ones more often."""
    numbers = [np.flatnonzero((products["category"] == name).to_numpy()) for name in CATEGORIES]
    tables = np.empty((len(NEEDS) * 12, products.height))
    weight = products["weight"].to_numpy().astype(np.float64)
    for number in range(12):
        share = shares(number + 1)
        for of_need in range(len(NEEDS)):
            row = np.zeros(products.height)
            for category, items in enumerate(numbers):
                row[items] = share[of_need, category] * weight[items] / weight[items].sum()
            tables[of_need * 12 + number] = np.cumsum(row)
    # One search in all tables at once: table n lies between n and n + 1. Rounded, because sums of floats are not exact.
    edges = np.round(np.minimum(tables, 1.0), 9)
    edges[:, -1] = 1.0
    flat = (edges + np.arange(len(tables))[:, None]).ravel()
    table = need * 12 + month - 1
    found = np.searchsorted(flat, table + np.minimum(chance.uniform(len(need)), 1 - 1e-9), side="right")
    return np.asarray(np.minimum(found - table * products.height, products.height - 1), dtype=np.int64)


def month_of(first: date, day: Ints) -> Ints:
    """The month (1 to 12) of days of the window."""
    return np.asarray((np.datetime64(first, "D") + day).astype("datetime64[M]").astype(np.int64) % 12 + 1)
