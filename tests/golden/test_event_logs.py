"""Process analytics on real logs: every reference figure, and every edge against an independent computation in polars.

The reference figures were made with other tools from the same files. The logs are not part of this project:
helpdesk (Polato, 4TU.ResearchData, doi 10.4121/uuid:0c60edf1-6f83-4e75-9367-4c63b3e9d5bb), receipt (Buijs,
4TU.ResearchData, WABO CoSeLoG), running-example (van der Aalst).
"""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.event_logs import EventLog, read_log
from pipelines.process import ProcessFigures, analyse
from tests.conftest import dataset

DAY, HOUR = 86_400, 3_600
XES = ("case:concept:name", "concept:name", "time:timestamp")
#: cases, events, activities, variants, days mean / median / p90 / max, how many decimals the reference has
LOGS = {
    "helpdesk.xes.gz": (4580, 21348, 14, 226, (40.8584, 39.8592, 53.0056, 59.9950)),
    "receipt.csv.gz": (1434, 8577, 27, 116, (5.4081, 0.0332, 14.0952, 275.8396)),
    "running-example.csv": (6, 42, 8, 6, (11.1909, 9.4438, 17.04, 18.25)),
}
Analysed = dict[str, tuple[EventLog, ProcessFigures]]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: dbt parses once."""
    return tmp_path_factory.mktemp("process")


@pytest.fixture(scope="module")
def analysed(scratch: Path) -> Analysed:
    logs = {}
    for name in LOGS:
        path = dataset("event_logs") / name
        due = ("case:deadline", "case:enddate") if name.startswith("receipt") else (None, None)
        log = read_log(path, *XES, "UTC", *due)
        targets = _targets() if name.startswith("helpdesk") else None
        logs[name] = (log, analyse(log, scratch, targets, hours=None))
    return logs


def _targets() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "activity": ["Resolve ticket", "Wait", "Take in charge ticket"],
            "next_activity": ["Closed", None, "Resolve ticket"],
            "target_seconds": [None, 2 * DAY, 5 * DAY],
            "waits_for": ["administration", "customer", None],
        }
    )


@pytest.mark.parametrize("name", LOGS)
def test_throughput_is_that_of_the_reference(analysed: Analysed, name: str) -> None:
    cases, events, activities, variants, days = LOGS[name]
    log, found = analysed[name]
    row = found.throughput.row(0, named=True)
    assert (row["cases_count"], row["events_count"], row["variants_count"]) == (cases, events, variants)
    assert found.rework.height == activities
    assert log.left_out == 0
    told = [row[f"{which}_seconds"] / DAY for which in ("mean", "median", "p90", "longest")]
    assert told == pytest.approx(days, abs=0.005 if cases == 6 else 0.00006)


@pytest.mark.parametrize("name", LOGS)
def test_every_edge_equals_an_independent_computation(analysed: Analysed, name: str) -> None:
    log, found = analysed[name]
    ordered = log.events.sort("case_id", "happened_at", "position", maintain_order=True)
    follows = ordered.with_columns(
        next_activity=pl.col("activity").shift(-1).over("case_id"),
        micros=(pl.col("happened_at").shift(-1).over("case_id") - pl.col("happened_at")).dt.total_microseconds(),
    ).drop_nulls("next_activity")
    total = follows["micros"].sum()
    expected = (
        follows.group_by("activity", "next_activity")
        .agg(
            times_count=pl.len(),
            cases_count=pl.col("case_id").n_unique(),
            mean_seconds=pl.col("micros").mean() / 1e6,
            median_seconds=pl.col("micros").median() / 1e6,
            p90_seconds=pl.col("micros").quantile(0.9, "linear") / 1e6,
            longest_seconds=pl.col("micros").max() / 1e6,
            share=pl.col("micros").sum() / total,
        )
        .sort("activity", "next_activity")
    )
    told = found.edges.sort("activity", "next_activity").select(expected.columns)
    assert_frame_equal(told, expected, check_dtypes=False, abs_tol=2e-6, rel_tol=1e-12)
    assert told.height > 10


def test_variants_are_the_different_sequences(analysed: Analysed) -> None:
    """The hash stands for the list: no two sequences share one, and no sequence has two."""
    for log, found in analysed.values():
        ordered = log.events.sort("case_id", "happened_at", "position", maintain_order=True)
        paths = ordered.group_by("case_id", maintain_order=True).agg(path=pl.col("activity"))
        expected = paths.group_by("path").agg(cases_count=pl.len())
        told = found.variants.select("path", "cases_count")
        assert told.sort("path").rows() == expected.cast({"cases_count": pl.Int64}).sort("path").rows()


def test_anchors_of_the_help_desk(analysed: Analysed) -> None:
    _, found = analysed["helpdesk.xes.gz"]
    edges = {(row["activity"], row["next_activity"]): row for row in found.edges.iter_rows(named=True)}
    longest = found.edges.row(0, named=True)
    assert (longest["activity"], longest["next_activity"]) == ("Resolve ticket", "Closed")
    assert longest["times_count"] == 4558
    assert longest["mean_seconds"] / DAY == pytest.approx(29.376, abs=0.0005)
    assert longest["share"] == pytest.approx(0.7155, abs=0.00005)
    waiting = edges["Wait", "Resolve ticket"]
    assert (waiting["times_count"], round(waiting["mean_seconds"] / DAY, 3)) == (773, 11.543)
    assert found.throughput["rework_cases"].item() == 1240
    assert round(1240 / 4580, 4) == 0.2707


def test_a_period_laid_down_and_a_silent_customer_are_no_bottleneck_of_the_work(analysed: Analysed) -> None:
    """72 % of the help desk's time is the thirty days after which a resolved ticket closes itself."""
    log, found = analysed["helpdesk.xes.gz"]
    first = {row["waits_for"]: row for row in found.bottlenecks.filter(pl.col("place") == 1).iter_rows(named=True)}
    assert first["administration"]["next_activity"] == "Closed"
    assert first["customer"]["activity"] == "Wait"
    assert (first["work"]["activity"], first["work"]["next_activity"]) == (
        "Assign seriousness",
        "Take in charge ticket",
    )
    # above its target: the sum over cases, not the mean; cut at nothing for those that kept it
    ordered = log.events.sort("case_id", "happened_at", "position", maintain_order=True)
    took = ordered.with_columns(
        next_activity=pl.col("activity").shift(-1).over("case_id"),
        seconds=(pl.col("happened_at").shift(-1).over("case_id") - pl.col("happened_at")).dt.total_microseconds() / 1e6,
    ).filter((pl.col("activity") == "Take in charge ticket") & (pl.col("next_activity") == "Resolve ticket"))
    above = (took["seconds"] - 5 * DAY).clip(lower_bound=0)
    told = found.bottlenecks.filter(
        (pl.col("activity") == "Take in charge ticket") & (pl.col("next_activity") == "Resolve ticket")
    ).row(0, named=True)
    assert told["excess_seconds"] == pytest.approx(above.sum(), abs=1e-3)
    assert told["late_count"] == int((above > 0).sum())


def test_working_time_of_the_help_desk(scratch: Path) -> None:
    log = read_log(dataset("event_logs/helpdesk.xes.gz"), *XES, "UTC")
    found = analyse(log, scratch, hours=(8, 18))
    assert found.working is not None
    row = found.working.row(0, named=True)
    assert round(row["mean_seconds"] / HOUR, 3) == 294.092
    assert round(row["median_seconds"] / HOUR, 3) == 282.295


def test_deadlines_of_the_permits(analysed: Analysed, scratch: Path) -> None:
    _, found = analysed["receipt.csv.gz"]
    row = found.deadlines.row(0, named=True)
    assert (row["ended_late"], row["ended_count"]) == (377, 1329)
    assert (row["last_event_late"], row["cases_count"], row["dated_count"]) == (92, 1434, 1434)
    planned = read_log(dataset("event_logs/receipt.csv.gz"), *XES, "UTC", "case:enddate_planned")
    late = analyse(planned, scratch).deadlines.row(0, named=True)
    assert late["last_event_late"] == 91
    slow = found.edges.row(0, named=True)
    assert (slow["activity"][:3], slow["next_activity"][:3], slow["times_count"]) == ("T05", "T06", 791)
    assert round(slow["mean_seconds"] / DAY, 3) == 3.062
    assert round(slow["share"], 4) == 0.3123


def test_the_example_by_hand(analysed: Analysed) -> None:
    _, found = analysed["running-example.csv"]
    ends = {(row["place"], row["activity"]): row["cases_count"] for row in found.ends.iter_rows(named=True)}
    assert ends == {("start", "register request"): 6, ("end", "pay compensation"): 3, ("end", "reject request"): 3}
    again = found.rework.filter(pl.col("activity") == "decide").row(0, named=True)
    assert (again["cases_count"], again["rework_cases"], again["repeats_count"]) == (6, 2, 3)
    assert found.variants["path"].list.len().to_list() == found.variants["events_count"].to_list()


def test_a_log_says_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("case,what,when\n1,a,2026-01-05 09:00\n1,b,soon\n", encoding="utf-8")
    with pytest.raises(ValueError, match="there is no column which"):
        read_log(path, "case", "which", "when", "UTC")
    with pytest.raises(ValueError, match="row 2, column when: 'soon' is not a time"):
        read_log(path, "case", "what", "when", "UTC")
    path.write_text("case,what,when\n1,a,2026-01-05 09:00\n1,,2026-01-05 10:00\n", encoding="utf-8")
    log = read_log(path, "case", "what", "when", "Asia/Shanghai")
    assert (log.left_out, log.events["happened_at"].to_list()) == (1, [datetime(2026, 1, 5, 1)])
