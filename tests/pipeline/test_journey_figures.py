"""Figures of stays against independent computations: days, transitions, bottlenecks, weeks outside their history."""

import math
import random
import statistics
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from models.documents.journey import JourneyDocument
from tests.journey_project import JourneyProject

AS_OF = datetime(2026, 6, 30, 16)  # the day begins in Shanghai
SHANGHAI = timedelta(hours=8)
WEEKS = 26
FIRST_WEEK = date(2026, 1, 5)
ODD_WEEK = 14  # its conversion breaks down
SLOW_WEEK = 18  # its stays end late
THIN_WEEK = 11  # too few to be judged
BOOK = JourneyDocument.parse(
    """
    name: figures
    touches: [seen]
    stages:
      - {id: contact, names: {zh: a, en: a}, touched: true, target_days: 10}
      - {id: buyer, names: {zh: b, en: b}, enter: [{kinds: [paid]}]}
      - {id: dormant, names: {zh: c, en: c}, quiet_days: 30, waits_for: customer}
    alerts: {weeks: 8, least_weeks: 5, least_entries: 30, deviations: 3.5, least_points: 5, least_share: 20}
    """,
    name="figures",
)
RANKS = {stage.id: rank for rank, stage in enumerate(BOOK.stages, 1)}


def made_entries() -> pl.DataFrame:
    """Sixty customers a week and store: about four in ten buy within the ten days, the rest fall asleep."""
    rng = random.Random(20260103)
    rows = []
    for week in range(WEEKS):
        begun = datetime.combine(FIRST_WEEK, datetime.min.time()) - SHANGHAI + timedelta(weeks=week)
        for number in range(20 if week == THIN_WEEK else 60):
            store = ("S1", "S2", None)[number % 3]
            entered = begun + timedelta(seconds=rng.randrange(7 * 86_400))
            buys = rng.random() < (0.05 if week == ODD_WEEK else 0.4)
            slow = week == SLOW_WEEK
            stays = rng.uniform(22, 29) if buys and slow else rng.uniform(2, 9) if buys else 30
            left = entered + timedelta(seconds=round(stays * 86_400))
            customer = f"C{week:02}{number:03}"
            done = left < AS_OF
            after = ("buyer" if buys else "dormant") if done else None
            rows.append((customer, "contact", after, store, 1, entered, left if done else None))
            if after is not None:
                rows.append((customer, after, None, store, 2, left, None))
    moment = pl.Datetime("us")
    schema = {"customer_id": pl.String, "stage": pl.String, "next_stage": pl.String, "store_id": pl.String}
    schema |= {"entry_no": pl.Int64, "entered_at": moment, "left_at": moment}
    return pl.DataFrame(rows, schema=schema, orient="row").filter(pl.col("entered_at") < AS_OF)


@pytest.fixture(scope="module")
def entries() -> pl.DataFrame:
    return made_entries()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, entries: pl.DataFrame) -> JourneyProject:
    project = JourneyProject(tmp_path_factory.mktemp("figures"))
    project.write_run(BOOK, AS_OF, "Asia/Shanghai")
    project.fill(journey_entries=entries)
    project.build("journey_stage_days", "journey_transitions", "journey_bottlenecks", "journey_weeks")
    return project


def _monday(moment: datetime) -> date:
    day = (moment + SHANGHAI).date()
    return day - timedelta(days=day.weekday())


def test_a_stage_holds_whoever_entered_and_has_not_left(project: JourneyProject, entries: pl.DataFrame) -> None:
    days = project.table("journey_stage_days").sort("stage", "store_id", "metric_date")
    for (stage, store), rows in days.group_by("stage", "store_id"):
        mine = entries.filter((pl.col("stage") == stage) & (pl.col("store_id").fill_null("unknown") == store))
        for row in rows.sample(20, seed=1).iter_rows(named=True):
            end = datetime.combine(row["metric_date"] + timedelta(days=1), datetime.min.time()) - SHANGHAI
            there = (pl.col("entered_at") < end) & (pl.col("left_at").is_null() | (pl.col("left_at") >= end))
            assert row["present_count"] == mine.filter(there).height
    assert days["entered_count"].sum() == entries.height
    assert days["left_count"].sum() == entries["left_at"].count()


def test_transitions_count_every_stay_once(project: JourneyProject, entries: pl.DataFrame) -> None:
    found = {
        (row["entry_week"], row["store_id"], row["stage"], row["next_stage"], row["days"]): row["entries_count"]
        for row in project.table("journey_transitions").iter_rows(named=True)
    }
    wanted: dict[tuple, int] = {}
    for row in entries.iter_rows(named=True):
        took = (row["left_at"] or AS_OF) - row["entered_at"]
        key = (_monday(row["entered_at"]), row["store_id"] or "unknown", row["stage"], row["next_stage"] or "none")
        wanted[(*key, took.days)] = wanted.get((*key, took.days), 0) + 1
    assert found == wanted


def test_bottlenecks_add_what_lies_above_the_target(project: JourneyProject, entries: pl.DataFrame) -> None:
    found = project.table("journey_bottlenecks")
    left = entries.drop_nulls("left_at").with_columns(
        seconds=(pl.col("left_at") - pl.col("entered_at")).dt.total_seconds()
    )
    for store in ("S1", "S2", "unknown", "*"):
        mine = left if store == "*" else left.filter(pl.col("store_id").fill_null("unknown") == store)
        for (after,), rows in mine.group_by("next_stage"):
            row = found.filter((pl.col("store_id") == store) & (pl.col("next_stage") == after)).row(0, named=True)
            above = (rows["seconds"] - 10 * 86_400).clip(lower_bound=0)
            assert row["excess_seconds"] == above.sum()
            assert (row["times_count"], row["late_count"]) == (rows.height, (above > 0).sum())
            assert row["median_seconds"] == math.floor(rows["seconds"].median() + 0.5)
            assert abs(row["p90_seconds"] - rows["seconds"].quantile(0.9, "linear")) <= 0.5
        ranked = found.filter(pl.col("store_id") == store).sort("place")
        assert ranked["excess_seconds"].to_list() == sorted(ranked["excess_seconds"], reverse=True)


def wanted_weeks(entries: pl.DataFrame, store: str) -> dict[tuple[str, str, date], tuple[int, int]]:
    """(stage, measure, week) → (value, entries), of weeks with enough of them that are over."""
    rows = [row for row in entries.iter_rows(named=True) if store == "*" or (row["store_id"] or "unknown") == store]
    stays: dict[tuple[str, str, date], list[int]] = {}
    for row in rows:
        took = int((row["left_at"] - row["entered_at"]).total_seconds()) if row["left_at"] else None
        horizon = 10 if row["stage"] == "contact" else 30
        week = _monday(row["entered_at"])
        if datetime.combine(week, datetime.min.time()) + timedelta(days=horizon + 8) <= AS_OF:
            went_on = took is not None and row["next_stage"] != "dormant" and took <= horizon * 86_400
            stays.setdefault((row["stage"], "conversion", week), []).append(int(went_on))
        if (
            row["left_at"]
            and datetime.combine(_monday(row["left_at"]), datetime.min.time()) + timedelta(days=8) <= AS_OF
        ):
            stays.setdefault((row["stage"], "time", _monday(row["left_at"])), []).append(took)
    return {
        key: (
            sum(values) * 1_000_000 // len(values)
            if key[1] == "conversion"
            else math.floor(statistics.median(values) + 0.5),
            len(values),
        )
        for key, values in stays.items()
        if len(values) >= 30
    }


@pytest.mark.parametrize("store", ["*", "S1"])
def test_weeks_and_their_history_equal_an_independent_computation(project, entries, store: str) -> None:
    wanted = wanted_weeks(entries, store)
    found = {
        (row["stage"], row["measure"], row["week"]): row
        for row in project.table("journey_weeks").filter(pl.col("store_id") == store).iter_rows(named=True)
    }
    assert {key: (row["value"], row["entries_count"]) for key, row in found.items()} == wanted
    for (stage, measure, week), row in found.items():
        past = [wanted.get((stage, measure, week - timedelta(weeks=n))) for n in range(1, 9)]
        values = [value for value, _ in filter(None, past)]
        assert row["weeks_count"] == len(values)
        if len(values) < 5:
            assert row["usual"] is None and not row["is_alert"]
            continue
        usual = math.floor(statistics.median(values) + 0.5)
        spread = math.floor(statistics.median(abs(value - usual) for value in values) + 0.5) * 1.4826
        if measure == "conversion":
            spread = max(spread, math.sqrt(usual * (1_000_000 - usual) / row["entries_count"]))
        least = 50_000 if measure == "conversion" else usual * 200_000 // 1_000_000
        off = abs(row["value"] - usual)
        assert row["usual"] == usual
        assert abs(row["deviation"] - spread) <= 1
        if abs(off - 3.5 * spread) > 5:  # not at the very edge
            assert row["is_alert"] == (off > 3.5 * spread and off >= least)


def test_only_the_weeks_that_broke_are_told(project: JourneyProject) -> None:
    alerts = project.table("journey_weeks").filter(pl.col("is_alert") & (pl.col("store_id") == "*"))
    broken = FIRST_WEEK + timedelta(weeks=ODD_WEEK)
    contacts = alerts.filter((pl.col("stage") == "contact") & (pl.col("measure") == "conversion"))
    # the slow week converts after its ten days, so it breaks down too
    assert contacts["week"].sort().to_list() == [broken, FIRST_WEEK + timedelta(weeks=SLOW_WEEK)]
    thin = FIRST_WEEK + timedelta(weeks=THIN_WEEK)
    assert (
        project.table("journey_weeks")
        .filter((pl.col("week") == thin) & (pl.col("measure") == "conversion") & (pl.col("stage") == "contact"))
        .is_empty()
    )
