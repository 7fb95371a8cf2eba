"""The best that anybody could know: chances computed from the latent state, against which an estimator is measured.

Nobody can do better, because what remains is drawn. The best scores of leads and of messages stand in their own frames
(``best_score``, ``uplift``).
"""

from datetime import date

import numpy as np
import polars as pl

from pipelines.sandbox import buying, needs
from pipelines.sandbox.behaviour import Life
from pipelines.sandbox.chance import Floats, Ints
from pipelines.sandbox.company import Company

CHURN_DAYS, ACTIVE_DAYS = 60, 180
_LINES_OF_AN_ORDER, _QUANTITY, _KEPT = 1.81, 1.25, 0.945  # means of what ``shopping`` draws
# Who starts does so with a purchase: so many more than the mean rate alone gives (renewal with Erlang intervals).
_FIRST = (1 + 1 / buying.REGULARITY) / 2
_STAYS_DAYS = 900.0  # about the mean of a customer's life


def _survival(elapsed: Floats) -> Floats:
    """Chance that an interval, in units of its mean, is longer than this (Erlang of the buying clock's regularity)."""
    scaled = elapsed * buying.REGULARITY
    term, total = np.ones_like(scaled), np.ones_like(scaled)
    for number in range(1, buying.REGULARITY):
        term = term * scaled / number
        total = total + term
    return np.asarray(np.exp(-scaled) * total)


def churn(company: Company, hidden: pl.DataFrame, life: Life, cuts: tuple[int, ...]) -> pl.DataFrame:
    """One row per person who bought in the 180 days before a cut-off (a day of the window): person_id, day, as_of
    (civil date), probability of no purchase in the 60 days from it, churned (null: the window ends before)."""
    clock = np.concatenate([[0.0], np.cumsum(buying.season(company.starts_on, company.days))])
    frames = [_churn_at(company, hidden, life, clock, cut) for cut in cuts]
    return pl.concat(frames)


def _churn_at(company: Company, hidden: pl.DataFrame, life: Life, clock: Floats, cut: int) -> pl.DataFrame:
    person, day = life.purchases.person, life.purchases.day
    size = hidden.height
    last = np.full(size, -1, dtype=np.int64)
    before = day < cut
    np.maximum.at(last, person[before], day[before])
    own = np.full(size, -1, dtype=np.int64)
    of_clock = before & (life.purchases.campaign < 0)
    np.maximum.at(own, person[of_clock], day[of_clock])
    who = np.flatnonzero((last >= cut - ACTIVE_DAYS) & (own >= 0))
    gap = hidden["gap_days"].to_numpy()[who]

    def at(days: Ints | int) -> Floats:
        return np.asarray(clock[np.minimum(np.asarray(days) + buying.WARM_UP, len(clock) - 1)])

    elapsed = (at(cut) - at(own[who])) / gap
    ahead = (at(cut + CHURN_DAYS) - at(cut)) / gap
    if cut + CHURN_DAYS > company.days:  # the season beyond the window is not drawn: an ordinary one
        ahead = CHURN_DAYS / gap
    now = np.maximum(_survival(elapsed), 1e-12)
    stays, half = _survival(elapsed + ahead) / now, _survival(elapsed + ahead / 2) / now
    leaving = 1 - np.exp(-CHURN_DAYS / _STAYS_DAYS)
    there = life.leaves[who] >= cut
    chance = np.where(there, (1 - leaving) * stays + leaving * half, 1.0)
    later = np.zeros(size, dtype=bool)
    later[person[(day >= cut) & (day < cut + CHURN_DAYS)]] = True
    known = cut + CHURN_DAYS <= company.days
    return pl.DataFrame(
        {
            "person_id": hidden["person_id"].gather(who),
            "day": np.full(len(who), cut),
            "as_of": pl.Series([_day(company.starts_on, cut)]).new_from_index(0, len(who)),
            "probability": np.round(np.minimum(chance, 1.0), 6),
            "churned": pl.Series(~later[who]) if known else pl.Series([None] * len(who), dtype=pl.Boolean),
        }
    )


def _day(first: date, day: int) -> date:
    return date.fromordinal(first.toordinal() + day)


def demand(company: Company, hidden: pl.DataFrame, wants: pl.DataFrame, life: Life) -> pl.DataFrame:
    """One row per day and category: day, sold_on (civil date), category, expected_units (sold, refunds not taken off)
    of this part of the population."""
    speed = buying.season(company.starts_on, company.days)[buying.WARM_UP :]
    need = wants["need"].to_numpy()
    begins = np.clip(np.ceil(hidden["starts"].to_numpy()), 0, company.days).astype(np.int64)
    ends = np.clip(np.floor(life.leaves) + 1, 0, company.days).astype(np.int64)
    ends = np.maximum(ends, begins)
    rate = 1 / hidden["gap_days"].to_numpy()
    active = np.zeros((len(needs.NEEDS), company.days + 1))
    np.add.at(active, (need, begins), rate)
    np.add.at(active, (need, ends), -rate)
    orders = np.cumsum(active, axis=1)[:, :-1] * speed * _KEPT
    comes = (hidden["starts"].to_numpy() >= 0) & (begins < company.days)
    np.add.at(orders, (need[comes], begins[comes]), _FIRST * _KEPT)
    asked = life.messages.filter(~pl.col("is_holdout"))
    brought = np.zeros((len(needs.NEEDS), company.days + 8))
    who, sent = asked["person"].to_numpy(), asked["day"].to_numpy()
    for later in range(1, 7):
        np.add.at(brought, (need[who], sent + later), asked["uplift"].to_numpy() / 6)
    orders = orders + brought[:, : company.days]
    month = needs.month_of(company.starts_on, np.arange(company.days))
    share = np.stack([needs.shares(number) for number in range(1, 13)])[month - 1]
    units = np.einsum("nd,dnc->dc", orders, share) * _LINES_OF_AN_ORDER * _QUANTITY
    size = len(needs.CATEGORIES)
    return pl.DataFrame(
        {
            "day": np.repeat(np.arange(company.days), size),
            "category": list(needs.CATEGORIES) * company.days,
            "expected_units": np.round(units.ravel(), 3),
        }
    ).with_columns((pl.lit(company.starts_on) + pl.duration(days="day")).cast(pl.Date).alias("sold_on"))
