"""What the company does shows in what customers do, by numbers that can be zero; the best score beats a rule."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.sandbox import behaviour, buying, households, lessons, needs, oracles, premises
from pipelines.sandbox import people as population
from pipelines.sandbox.behaviour import Life
from pipelines.sandbox.company import Company
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.households import Settled
from pipelines.sandbox.numbering import Numbering
from pipelines.sandbox.switches import Effects, Traits

ENDS_ON = date(2026, 6, 30)
SEED, PEOPLE, DAYS = 11, 20_000, 730


@dataclass(frozen=True)
class Town:
    company: Company
    settled: Settled
    hidden: pl.DataFrame
    wants: pl.DataFrame

    def live(self, effects: Effects) -> Life:
        return behaviour.live(self.company, self.settled.people, self.hidden, self.wants, effects, SEED)


@pytest.fixture(scope="module")
def town() -> Town:
    company = Company.plan(PEOPLE, SEED, ENDS_ON, DAYS)
    people = population.people(PEOPLE, SEED, ENDS_ON, company.stores, premises.CITIES, Numbering(SEED))
    settled = households.settle(people, Traits.off(), SEED, Numbering(SEED), DAYS)
    hidden = buying.latent(settled.people, SEED, DAYS)
    return Town(company, settled, hidden, needs.latent(settled.people, hidden, SEED))


@pytest.fixture(scope="module")
def on(town: Town) -> Life:
    return town.live(Effects())


@pytest.fixture(scope="module")
def off(town: Town) -> Life:
    return town.live(Effects.off())


def _difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Difference of two shares, and how many standard errors it is."""
    spread = np.sqrt(one.var() / len(one) + other.var() / len(other))
    difference = float(one.mean() - other.mean())
    return difference, difference / float(spread)


def _bought_between(life: Life, person: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Whether each person bought from one day to another, both included; from the purchases alone."""
    keys = life.purchases.person * 100_000 + life.purchases.day
    low = np.searchsorted(keys, person * 100_000 + np.maximum(first, 0))
    return np.asarray(np.searchsorted(keys, person * 100_000 + last, side="right") > low)


# ------------------------------------------------------------------ service speed


def _stay_after_complaint(life: Life) -> tuple[np.ndarray, np.ndarray]:
    """Who bought again within 90 days of a complaint: those who waited two days or more, those answered in hours."""
    open_ = life.complaints.filter(pl.col("opened") // 86_400 < DAYS - 95)
    day = open_["opened"].to_numpy() // 86_400
    stays = _bought_between(life, open_["person"].to_numpy(), day + 2, day + 92)
    slow, quick = (open_["wait_hours"] >= 48).to_numpy(), (open_["wait_hours"] <= 4).to_numpy()
    return stays[slow], stays[quick]


def test_who_waits_too_long_for_an_answer_leaves(on: Life, off: Life) -> None:
    difference, errors = _difference(*_stay_after_complaint(on))
    assert -0.55 < difference < -0.20
    assert errors < -6
    difference, errors = _difference(*_stay_after_complaint(off))
    assert abs(errors) < 3
    assert not off.complaints["walked"].any()


# ------------------------------------------------------------------ retention contact


def test_a_contact_in_time_keeps_customers(town: Town, on: Life, off: Life) -> None:
    """Days of contacts are chance, so who had one in the 30 days before leaving and who did not are alike."""
    leaves = town.hidden["leaves"].to_numpy()
    reached = town.settled.people["external_userid"].is_not_null().to_numpy()
    soon = reached & (leaves > 60) & (leaves < DAYS - 130)
    who = np.flatnonzero(soon)
    rows = on.contacts.with_columns(
        (pl.Series(leaves[on.contacts["person"].to_numpy()]) - pl.col("day")).alias("before")
    )
    had = np.isin(who, rows.filter(pl.col("before").is_between(0, behaviour.RESCUE_DAYS))["person"].to_numpy())
    day = np.ceil(leaves[who]).astype(np.int64)

    def later(life: Life) -> np.ndarray:
        return _bought_between(life, who, day + 7, day + 127)

    difference, errors = _difference(later(on)[had], later(on)[~had])
    assert difference > 0.15
    assert errors > 4
    assert not later(off).any()  # who leaves has left
    assert on.contacts["kept"].sum() > 100
    assert off.contacts["kept"].sum() == 0


# ------------------------------------------------------------------ campaigns


def _answers(life: Life) -> tuple[pl.DataFrame, np.ndarray]:
    rows = life.messages.filter(pl.col("day") < DAYS - 8)
    day = rows["day"].to_numpy()
    return rows, _bought_between(life, rows["person"].to_numpy(), day + 1, day + 6)


def test_offers_bring_orders_and_the_holdout_shows_how_many(on: Life, off: Life) -> None:
    rows, bought = _answers(on)
    sent = ~rows["is_holdout"].to_numpy()
    assert (~sent).mean() == pytest.approx(0.2, abs=0.01)
    difference, errors = _difference(bought[sent], bought[~sent])
    assert difference == pytest.approx(rows["uplift"].mean() * (1 - bought[~sent].mean()), abs=0.008)  # type: ignore[operator]
    assert errors > 5
    rows, bought = _answers(off)
    sent = ~rows["is_holdout"].to_numpy()
    assert abs(_difference(bought[sent], bought[~sent])[1]) < 3
    assert rows["uplift"].max() == 0


def test_the_hour_and_the_number_of_messages_move_the_answer(town: Town, on: Life) -> None:
    rows = on.messages.filter(~pl.col("is_holdout") & (pl.col("day") < DAYS - 8))
    answered = (rows["responds"] >= 0).to_numpy()
    away = np.abs(rows["hour"].to_numpy() - town.wants["active_hour"].to_numpy()[rows["person"].to_numpy()])
    near, far = answered[away <= 1], answered[away >= 8]
    assert _difference(near, far)[1] > 5
    before = rows["before"].to_numpy()
    assert _difference(answered[before == 0], answered[before >= 2])[1] > 3
    calm = town.live(Effects().having(send_hour=0.0, message_fatigue=0.0))
    rows = calm.messages.filter(~pl.col("is_holdout") & (pl.col("day") < DAYS - 8))
    answered = (rows["responds"] >= 0).to_numpy()
    away = np.abs(rows["hour"].to_numpy() - town.wants["active_hour"].to_numpy()[rows["person"].to_numpy()])
    assert abs(_difference(answered[away <= 1], answered[away >= 8])[1]) < 3


def test_whom_no_effect_met_lives_as_without_any(town: Town, on: Life, off: Life) -> None:
    """The same seed is the same company: effects take away and add, and leave all others as they were."""
    met = np.zeros(PEOPLE, dtype=bool)
    met[on.contacts.filter("kept")["person"].to_numpy()] = True
    met[on.complaints.filter("walked")["person"].to_numpy()] = True

    def usual(life: Life) -> np.ndarray:
        own = (life.purchases.campaign < 0) & ~met[life.purchases.person]
        return np.stack([life.purchases.person[own], life.purchases.day[own]])

    assert 100 < met.sum() < PEOPLE / 5
    assert np.array_equal(usual(on), usual(off))


# ------------------------------------------------------------------ leads


def test_a_lead_that_waits_is_lost(town: Town) -> None:
    for share, low, high in ((0.5, 5, 99), (0.0, -3, 3)):
        found = lessons.leads(town.company, town.settled, town.wants, Effects().having(lead_delay=share), SEED, 0)
        won, delay = found["won"].to_numpy(), found["delay_hours"].to_numpy()
        errors = _difference(won[delay <= 6], won[delay >= 24])[1]
        assert low < errors < high
        score = roc_auc_score(won, found["best_score"])
        assert score > 0.62
        assert abs(found["best_score"].mean() - won.mean()) < 0.02  # type: ignore[operator]
        assert score > roc_auc_score(won, -delay) + 0.05


# ------------------------------------------------------------------ best scores


def test_the_best_score_of_churn_is_calibrated_and_beats_recency(town: Town, on: Life) -> None:
    found = oracles.churn(town.company, town.hidden, on, (400, 500, 600, DAYS))
    known = found.drop_nulls("churned")
    assert found.filter(pl.col("day") == DAYS)["churned"].null_count() == found.filter(pl.col("day") == DAYS).height
    churned, best = known["churned"].to_numpy(), known["probability"].to_numpy()
    keys = on.purchases.person * 100_000 + on.purchases.day
    person = known["person_id"].str.slice(1).cast(pl.Int64).to_numpy() - 1
    last = on.purchases.day[np.searchsorted(keys, person * 100_000 + known["day"].to_numpy()) - 1]
    recency = known["day"].to_numpy() - last
    assert 0.15 < churned.mean() < 0.45
    assert roc_auc_score(churned, best) > roc_auc_score(churned, recency) + 0.1
    groups = known.with_columns(pl.col("probability").qcut(10, allow_duplicates=True).alias("group"))
    table = groups.group_by("group").agg(pl.col("probability").mean(), pl.col("churned").mean(), pl.len())
    assert (table["probability"] - table["churned"]).abs().max() < 0.06  # type: ignore[operator]


def test_uplift_differs_between_people_and_can_be_seen_in_what_they_buy() -> None:
    full = FullWorld.generate(6_000, 3, ENDS_ON, 500)
    lines = full.world.order_lines.join(full.world.orders.select("order_id", "person_id", "campaign"), on="order_id")
    share = (
        lines.filter(pl.col("campaign") < 0)
        .group_by("person_id")
        .agg((pl.col("discount") / (pl.col("discount") + pl.col("paid_amount"))).mean().alias("discounts"), pl.len())
        .filter(pl.col("len") >= 5)
    )
    felt = full.messages.group_by("person_id").agg(pl.col("uplift").mean()).join(share, on="person_id")
    assert np.corrcoef(felt["uplift"], felt["discounts"])[0, 1] > 0.3
    spread = full.messages.filter(~pl.col("is_holdout"))["uplift"]
    assert spread.quantile(0.9) > 3 * spread.median()  # type: ignore[operator]


def test_demand_is_forecast_by_what_people_want_and_the_season() -> None:
    full = FullWorld.generate(8_000, 3, ENDS_ON, 730)
    month = pl.col("sold_on").dt.truncate("1mo").alias("month")
    best = full.best_demand.group_by(month, "category").agg(pl.col("expected_units").sum())
    sold = full.world.orders.filter(pl.col("paid_at").is_not_null()).join(
        full.world.order_lines, on=["order_id", "store_id"]
    )
    units = (
        sold.join(full.company.products.select("product_id", "category"), on="product_id")
        .group_by((pl.col("ordered_at").dt.offset_by("8h")).dt.date().dt.truncate("1mo").alias("month"), "category")
        .agg(pl.col("quantity").sum())
    )
    both = best.join(units, on=["month", "category"])
    total = float(both["expected_units"].sum()) / float(both["quantity"].sum())
    assert total == pytest.approx(1, abs=0.03)
    spread = (both["expected_units"] - both["quantity"]).abs().sum() / both["quantity"].sum()
    flat = both.with_columns(pl.col("quantity").mean().over("category").alias("mean"))
    naive = (flat["mean"] - flat["quantity"]).abs().sum() / flat["quantity"].sum()
    assert spread < 0.10
    assert spread < naive / 2
