"""Every connector among faults: of the wire, of the vendor, of clocks, of formats, and its own death.

Accidents it prevents: a row lost when a page shifts, a token ends or a process dies; a partial read reported as
success; a new format read as an empty shop. Each test hands its figures to the table of faults (docs/reliability.md).
"""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.contracts import contract
from pipelines.sandbox.faults import TROUBLES
from pipelines.sources import connections, syncing, windows
from pipelines.sources.connector import Context, Span
from tests.conftest import environment, scrm_command
from tests.connectors.served import (
    KINDS,
    RATE,
    Served,
    assert_lake_is_the_truth,
    assert_newest_is_the_truth,
    hand_over,
    served,
)
from tests.connectors.stand import Kind

SEEDS = int(os.environ.get("SCRM_TEST_FAULT_SEEDS", "3"))
#: Kills in all, spread over the connectors: each gets its share, at least one.
KILLS = -(-int(os.environ.get("SCRM_TEST_SYNC_KILLS", "6")) // len(KINDS))


def assert_stopped_streams_landed_nothing(
    it: Served, failed: list[syncing.StreamReport], datasets: Iterable[str]
) -> None:
    """And those that have nothing to do with the trouble went on."""
    of_stream = connections.connector_class(it.stand.system).stream_datasets
    stopped = {dataset for report in failed for dataset in of_stream[report.stream]}
    for dataset in datasets:
        landed = it.workspace.lake.read("landed", dataset).height > 0
        assert landed == (it.stand.others_go_on and dataset not in stopped), dataset


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_fifth_of_the_answers_in_trouble_loses_nothing(
    kind: Kind, tmp_path: Path, seed: int, record_property: Any
) -> None:
    with served(kind, tmp_path, seed=seed, rate=RATE) as it:
        reports = it.until_done()
        assert sum(it.layer.met.values()) > 10
        assert_lake_is_the_truth(it)
    hand_over(it, reports, record_property)


@pytest.mark.parametrize(
    "kinds",
    [("busy", "limit"), ("http_500", "http_502", "http_503"), ("truncated", "cut"), ("html",)],
    ids=lambda kinds: kinds[0],
)
def test_half_of_the_answers_in_one_trouble_loses_nothing(
    kind: Kind, tmp_path: Path, kinds: tuple[Any, ...], record_property: Any
) -> None:
    with served(kind, tmp_path, rate=0.5, kinds=kinds) as it:
        reports = it.until_done(40)
        assert_lake_is_the_truth(it)
    hand_over(it, reports, record_property)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_records_that_move_while_they_are_paged_are_not_missed(
    kind: Kind, tmp_path: Path, seed: int, record_property: Any
) -> None:
    with served(kind, tmp_path, seed=seed, moving=True, rate=RATE / 4) as it:
        reports = it.until_done()
        it.stand.calm()
        it.later()
        reports += it.until_done()
        assert_newest_is_the_truth(it)
    hand_over(it, reports, record_property)
    record_property("met_again", sum(report.repeated for report in reports))


def with_holes(it: Served, monkeypatch: pytest.MonkeyPatch, times: int) -> Counter[Any]:
    """Every page that has records comes without them ``times`` times; returns how often each has so far."""
    if it.stand.without_totals:
        pytest.skip(it.stand.without_totals)
    met: Counter[Any] = Counter()
    context = Context(it.workspace.lake, it.workspace.settings)
    with connections.opened(connections.enabled(it.settings())[0], context) as connector:
        kinds = {type(stream) for stream in connector.streams() if isinstance(stream, windows.WindowedStream)}
    if not kinds:
        pytest.skip("none of its streams has pages")

    def holed(genuine: Callable[..., windows.Page]) -> Callable[..., windows.Page]:
        def page(stream: windows.WindowedStream, window: Span, number: int) -> windows.Page:
            found = genuine(stream, window, number)
            spot = (stream.name, window, number)
            if not found.records or met[spot] >= times:
                return found
            met[spot] += 1
            return windows.Page((), found.total)

        return page

    for one in kinds:
        monkeypatch.setattr(one, "page", holed(one.page))
    return met


def test_a_page_that_comes_empty_is_asked_for_again(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    with served(kind, tmp_path) as it:
        met = with_holes(it, monkeypatch, times=1)
        reports = it.until_done()
        assert len(met) > 5
        assert_lake_is_the_truth(it)
    hand_over(it, reports, record_property)
    record_property("empty_pages", sum(met.values()))


def test_pages_that_stay_empty_are_an_error_and_no_empty_shop(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    with served(kind, tmp_path) as it:
        met = with_holes(it, monkeypatch, times=1_000_000)
        failed = [report for report in it.sync() if report.state == "failed"]
        assert len(failed) == len({name for name, _, _ in met}) > 0
        assert all("fewer records than" in report.error for report in failed)
        assert all(rows.height == 0 for rows in it.landed().values())
        assert max(met.values()) <= 2 * windows.REREADS, "it asks for ever"
    record_property("requests", it.layer.requests)
    record_property("empty_pages", sum(met.values()))


def test_what_the_system_shows_days_late_is_found_the_next_day(
    kind: Kind, tmp_path: Path, record_property: Any
) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        it.stand.change(it.now - timedelta(days=2))
        it.pass_time(timedelta(days=1))
        reports = it.until_done()
        assert_newest_is_the_truth(it)
    record_property("late_rows", sum(report.landed for report in reports))


def test_what_changes_in_the_very_second_of_the_position_is_found(
    kind: Kind, tmp_path: Path, record_property: Any
) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        through = [entry.cursor["through"] for entry in it.workspace.lake.entries() if entry.cursor]
        it.stand.change(datetime.fromisoformat(max(through)))
        it.pass_time(timedelta(minutes=30))
        reports = it.until_done()
        assert_newest_is_the_truth(it)
    record_property("rows_of_that_second", sum(report.landed for report in reports))


@pytest.mark.parametrize("off", [timedelta(days=1), timedelta(days=-1)], ids=["here", "there"])
def test_a_clock_that_is_a_day_off_skips_nothing(
    kind: Kind, tmp_path: Path, off: timedelta, record_property: Any
) -> None:
    """Ahead here, or behind there: positions stay within what the system itself calls the past."""
    with served(kind, tmp_path) as it:
        right = it.layer.plan
        if off < timedelta(0):
            it.layer.plan = replace(right, clock_ahead=right.clock_ahead + off)
        it.sync(until=it.now + max(off, timedelta(0)))
        it.layer.plan = right
        it.later()
        it.until_done()
        assert_newest_is_the_truth(it, only=off > timedelta(0))  # behind, it may read a day more of the past
    record_property("rows", sum(rows.height for rows in it.landed().values()))


def test_a_position_of_another_form_is_refused_in_words(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        source = it.workspace.lake.entries()[0].source
        it.workspace.lake.commit(source=source, key="other", parts=[], cursor={"page": 7})
        failed = [report for report in it.sync() if report.state == "failed"]
        assert len(failed) == 1
        assert "another form" in failed[0].error


def test_an_amount_of_another_form_stops_its_stream(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        if it.stand.spoil_amounts is None:
            pytest.skip("its face has nothing to spoil")
        datasets = list(it.stand.truth())
        it.stand.spoil_amounts()
        failed = [report for report in it.sync() if report.state == "failed"]
        assert failed
        assert all("format" in report.error and "12,3" not in report.error for report in failed)
        assert_stopped_streams_landed_nothing(it, failed, datasets)
    record_property("streams_stopped", len(failed))


def test_a_state_nobody_knows_is_landed_and_told(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        if it.stand.new_state is None:
            pytest.skip("its records have no state")
        it.stand.new_state()
        reports = it.until_done()
        assert_lake_is_the_truth(it)
        if any(column.known for dataset in it.stand.truth() for column in contract(dataset).columns):
            assert any("NEW_STATE" in values for report in reports for values in report.unknown_values.values())
    record_property("states_told", sum(len(report.unknown_values) for report in reports))


def test_a_storm_of_429_is_waited_out_as_the_header_says(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    naps: list[float] = []
    with served(kind, tmp_path, rate=0.5, kinds=("http_429",), retry_after_seconds=2) as it:
        for _ in range(12):
            named = connections.enabled(it.workspace.settings)
            reports = syncing.sync(it.workspace, named, it.stand.now, sleep=naps.append)
            if all(report.state == "done" for report in reports):
                break
        assert_lake_is_the_truth(it)
    assert min(naps) >= 2
    it.naps += naps
    hand_over(it, reports, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_anywhere_it_goes_on_and_loses_nothing(
    kind: Kind, tmp_path: Path, kill: int, example: Path, record_property: Any
) -> None:
    quick = tuple(trouble for trouble in TROUBLES if trouble != "limit")  # WeCom's is waited out for a minute
    with served(kind, tmp_path, seed=kill, rate=RATE, kinds=quick) as it:
        options = {**it.stand.options, "base_url": it.address + it.stand.path, "system": kind.system}
        variables = {f"SCRM_CONNECTIONS__IT__{name.upper()}": str(value) for name, value in options.items()}
        process = subprocess.Popen(
            scrm_command("sync", "--until", it.stand.now.isoformat()),
            env=environment(tmp_path, PYTHONPATH=str(example), **variables),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asked, patience = 1 + (kill * 37) % 150, time.monotonic() + 60
        while it.layer.requests < asked and process.poll() is None and time.monotonic() < patience:
            time.sleep(0.005)
        process.kill()
        killed = process.wait() == -signal.SIGKILL  # else the sync was done before
        begun = time.monotonic()
        it.until_done()
        recovery = time.monotonic() - begun
        assert_lake_is_the_truth(it)
    record_property("kills", int(killed))
    record_property("equal_digests", int(killed))
    record_property("recovery_seconds", round(recovery, 2))


def test_a_new_field_is_kept_and_reported(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        it.stand.add_field()
        it.later()
        reports = it.until_done()
        assert any("brand_new_field" in report.new_fields for report in reports)
        raws = pl.concat([rows["_raw"] for rows in it.landed().values()]).drop_nulls()
        assert raws.str.contains("brand_new_field").any()
    record_property("streams_that_told", sum("brand_new_field" in report.new_fields for report in reports))


def test_a_field_that_is_gone_stops_its_stream_and_lands_nothing_wrong(
    kind: Kind, tmp_path: Path, record_property: Any
) -> None:
    with served(kind, tmp_path) as it:
        it.stand.rename_field()
        reports = it.sync()
        failed = [report for report in reports if report.state == "failed"]
        assert failed, "nobody noticed"
        assert all("format" in report.error for report in failed)
        with pytest.raises(syncing.SyncError):
            syncing.raise_failures(reports)
        assert_stopped_streams_landed_nothing(it, failed, it.stand.truth())
    record_property("streams_stopped", len(failed))
