"""What every connector must do, whatever its vendor: the same suite for all, against their faces of the sandbox.

After the kinds of Airbyte's connector acceptance tests (spec, connection, discovery, basic read, sequential reads,
two reads in a row, replay from every position, state from the future, declared hosts), and our own faults.
Accidents it prevents: a row lost when a page shifts, a token ends or a process dies; a row landed twice; a partial read
reported as success; a secret in a log; a new format read as an empty shop.
"""

import logging
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.contracts import contract
from models.errors import ExpectedError
from models.settings import Settings
from pipelines.sandbox.faults import FaultLayer, FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sources import connections, syncing, windows
from pipelines.sources.connector import Context, Span
from pipelines.workspace import Workspace
from tests.conftest import environment, scrm_command
from tests.connectors.stand import Kind, Stand
from tests.connectors.taobao import TAOBAO
from tests.connectors.till import TILL, installed_here
from tests.connectors.wechat_pay import WECHAT_PAY
from tests.connectors.youzan import YOUZAN

KINDS: tuple[Kind, ...] = (TAOBAO, YOUZAN, WECHAT_PAY, TILL)
SEEDS = int(os.environ.get("SCRM_TEST_FAULT_SEEDS", "3"))
#: Kills in all, spread over the connectors: each gets its share, at least one.
KILLS = -(-int(os.environ.get("SCRM_TEST_SYNC_KILLS", "6")) // len(KINDS))
RATE = 0.2
SECRET_NAME = re.compile("secret|token|session|password|private_key|aes_key|api_v3_key")


@pytest.fixture(scope="module", autouse=True)
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example connector of the documentation, as if its package were installed."""
    folder = tmp_path_factory.mktemp("packages")
    with installed_here(folder):
        yield folder


@pytest.fixture(params=KINDS, ids=lambda kind: kind.system)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


class Served:
    """A stand behind a server, and a home that syncs from it."""

    def __init__(self, stand: Stand, layer: FaultLayer, address: str, home: Path) -> None:
        self.stand = stand
        self.layer = layer
        self.address = address
        self.home = home
        self.workspace = Workspace(self.settings())
        self.now = stand.now
        self.naps: list[float] = []  # seconds that the connector would have waited

    def settings(self, **changed: Any) -> Settings:
        options = {**self.stand.options, "base_url": self.address + self.stand.path, **changed}
        return Settings(home=self.home, connections={"it": {"system": self.stand.system, **options}})

    def sync(self, **more: Any) -> list[syncing.StreamReport]:
        named = connections.enabled(self.workspace.settings)
        until = more.pop("until", self.now)
        return syncing.sync(self.workspace, named, until, sleep=self.naps.append, **more)

    def later(self) -> None:
        """Half an hour passes, here and there, in which something happens."""
        self.stand.change(self.now + timedelta(minutes=15))
        self.pass_time(timedelta(minutes=30))

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        self.layer.plan = replace(self.layer.plan, clock_ahead=self.layer.plan.clock_ahead + span)

    def until_done(self, tries: int = 12) -> list[syncing.StreamReport]:
        for _ in range(tries):
            reports = self.sync()
            if all(report.state == "done" for report in reports):
                return reports
        raise AssertionError([report.error for report in reports])

    def landed(self) -> dict[str, pl.DataFrame]:
        return {dataset: self.workspace.lake.read("landed", dataset) for dataset in self.stand.truth()}


@contextmanager
def served(kind: Kind, home: Path, *, seed: int = 1, moving: bool = False, **plan: Any) -> Iterator[Served]:
    stand = kind.make(seed, moving)
    ahead = stand.now - datetime.now(UTC)
    layer = FaultLayer(stand.app, FaultPlan(seed=seed, clock_ahead=ahead, **plan), stand.dialect)
    with serving(layer) as address:
        yield Served(stand, layer, address, home)


def assert_lake_is_the_truth(it: Served) -> None:
    """Row for row: nothing missing, nothing twice, no other value."""
    for dataset, expected in it.stand.truth().items():
        found = it.workspace.lake.read("landed", dataset).select(expected.columns)
        assert_frame_equal(found, expected, check_row_order=False, check_dtypes=False)


def hand_over(it: Served, reports: list[syncing.StreamReport], record_property: Any) -> None:
    """The figures of a sync among faults, for the table of faults (``make bench ARGS=faults``)."""
    record_property("requests", it.layer.requests)
    record_property("troubles", sum(it.layer.met.values()))
    record_property("rows", sum(report.rows for report in reports))
    if it.naps:
        record_property("longest_wait_seconds", round(max(it.naps), 1))


def assert_newest_is_the_truth(it: Served, *, only: bool = True) -> None:
    """What changed while it was read may have several observations: the newest of each record is the truth.

    Not ``only``: records that the truth does not name may be there too.
    """
    for dataset, expected in it.stand.truth().items():
        of = contract(dataset)
        changed = [of.event_time] if of.event_time in of.key else []
        found = it.workspace.lake.read("landed", dataset).drop("_row", "_batch")
        assert found.is_duplicated().sum() == 0, dataset
        key = [name for name in of.key if name not in changed]
        newest = found.sort(changed, maintain_order=True).unique(key, keep="last", maintain_order=True)
        shown = newest.select(expected.columns)
        if not only:
            shown = shown.join(expected.select(key), on=key, how="semi")
        assert_frame_equal(shown, expected, check_row_order=False, check_dtypes=False)


# ------------------------------------------------------------------ spec, connection, discovery


def test_options_are_described_and_secrets_marked(kind: Kind) -> None:
    schema = connections.connector_class(kind.system).options_class.model_json_schema()
    assert schema["additionalProperties"] is False
    for name, field in schema["properties"].items():
        if SECRET_NAME.search(name):
            assert field.get("format") == "password", f"{name} is not a SecretStr"


def test_good_credentials_pass_and_bad_ones_say_what_to_do(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        context = Context(it.workspace.lake, it.workspace.settings, sleep=lambda _: None)
        with connections.opened(connections.enabled(it.settings())[0], context) as connector:
            assert connector.check().state == "ok"
        for name, (changed, words) in it.stand.bad_options.items():
            before = it.layer.requests
            with (
                connections.opened(connections.enabled(it.settings(**changed))[0], context) as connector,
                pytest.raises(ExpectedError, match=words) as raised,
            ):
                connector.check()
            assert it.layer.requests - before <= 3, f"{name}: a refusal is asked for again"
            assert not any(secret in str(raised.value) for secret in it.stand.secrets)
    record_property("refusals", len(it.stand.bad_options))


def test_an_option_that_is_wrong_is_named(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        (report,) = syncing.sync(
            Workspace(it.settings(sotre_id="S1")), connections.enabled(it.settings(sotre_id="S1")), it.stand.now
        )
    assert report.state == "failed"
    assert "sotre_id" in report.error
    assert "[connections.it]" in report.error


def test_streams_land_datasets_that_have_contracts(kind: Kind) -> None:
    found = connections.connector_class(kind.system)
    for datasets in found.stream_datasets.values():
        for dataset in datasets:
            assert contract(dataset).door in (kind.system, "file", "bill")


def test_secrets_go_to_declared_hosts_only(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        for address in ("https://evil.example.com/x", "http://gw.api.taobao.com/router/rest"):
            settings = it.settings(base_url=address)
            (report,) = syncing.sync(Workspace(settings), connections.enabled(settings), it.stand.now)
            assert report.state == "failed"
            assert "base_url" in report.error


# ------------------------------------------------------------------ reading


def test_the_lake_is_the_truth_row_for_row(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        reports = it.until_done()
        assert_lake_is_the_truth(it)
        assert sum(report.landed for report in reports) > 0
        for dataset, rows in it.landed().items():
            empty = {name for name in contract(dataset).dtypes if rows[name].null_count() == rows.height}
            assert empty <= it.stand.unseen.keys(), (
                f"{dataset}: no record fills {sorted(empty - it.stand.unseen.keys())}"
            )


def test_two_fresh_reads_are_equal(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    found = []
    for number in range(2):
        with served(kind, tmp_path / str(number)) as it:
            it.until_done()
            found.append(it.landed())
    for dataset, rows in found[0].items():
        assert_frame_equal(rows, found[1][dataset], check_row_order=False)
    record_property("rows_read_anew", sum(rows.height for rows in found[1].values()))


def test_a_second_read_lands_nothing_and_a_third_what_changed(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        before = {dataset: rows.height for dataset, rows in it.landed().items()}
        again = it.until_done()
        assert sum(report.landed for report in again) == 0
        assert {dataset: rows.height for dataset, rows in it.landed().items()} == before
        it.later()
        it.until_done()
        assert_newest_is_the_truth(it)
        assert sum(rows.height for rows in it.landed().values()) > sum(before.values())


def test_it_goes_on_from_every_position(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "ROWS_PER_CHUNK", 90)
    for stop in range(1, 40):
        with served(kind, tmp_path / str(stop)) as it:
            done = _stopped_after(it, stop)
            it.until_done()
            assert_lake_is_the_truth(it)
        if done:
            assert stop > 3, "there were no positions in between"
            return
    raise AssertionError("it never ended")


class _StopError(Exception):
    pass


def _stopped_after(it: Served, chunks: int) -> bool:
    """Whether the sync ended before so many chunks."""
    left = [chunks]

    def stop(_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise _StopError

    try:
        it.sync(on_chunk=stop)
    except _StopError:
        return False
    return True


def test_a_position_from_the_future_reads_nothing_and_says_so(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        before = {dataset: rows.height for dataset, rows in it.landed().items()}
        reports = it.sync(until=it.stand.now - timedelta(days=2))
        assert {report.state for report in reports} == {"failed"}
        assert all("clock" in report.error for report in reports)
        assert {dataset: rows.height for dataset, rows in it.landed().items()} == before
    record_property("streams_refused", len(reports))


def test_a_day_read_again_adds_nothing(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        cursors = [entry.cursor for entry in it.workspace.lake.entries()]
        day = it.stand.now - timedelta(days=20)
        reports = it.sync(span=Span(day, day + timedelta(days=3)))
        assert [report.state for report in reports] == ["done"] * len(reports)
        assert sum(report.repeated for report in reports) > 0
        assert_lake_is_the_truth(it)
        assert [entry.cursor for entry in it.workspace.lake.entries()] == cursors
    record_property("met_again", sum(report.repeated for report in reports))


# ------------------------------------------------------------------ faults


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
        empty = dict.fromkeys(it.stand.truth(), 0)
        it.stand.spoil_amounts()
        failed = [report for report in it.sync() if report.state == "failed"]
        assert failed
        assert all("format" in report.error and "12,3" not in report.error for report in failed)
        assert {dataset: it.workspace.lake.read("landed", dataset).height for dataset in empty} == empty
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
    with served(kind, tmp_path, seed=kill, rate=RATE) as it:
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
        assert all(rows.height == 0 for rows in it.landed().values())
    record_property("streams_stopped", len(failed))


def test_no_secret_and_nothing_personal_in_logs_or_errors(
    kind: Kind, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with served(kind, tmp_path, rate=RATE) as it:
        reports = it.until_done()
        personal = {
            str(value)
            for dataset, rows in it.landed().items()
            for column in contract(dataset).columns
            if column.personal
            for value in rows[column.name].drop_nulls().head(50)
            if len(str(value)) >= 8
        }
    out, err = capfd.readouterr()
    said = "\n".join([caplog.text, out, err, *(str(report.as_dict()) for report in reports)])
    manifest = (tmp_path / "lake" / "manifest.jsonl").read_text("utf-8")
    for secret in it.stand.secrets:
        assert secret not in said + manifest
    for value in personal:
        assert value not in said + manifest
