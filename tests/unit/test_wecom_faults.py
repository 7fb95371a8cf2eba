"""Every WeCom stream while answers are spoilt or the process dies: the lake ends as after a calm sync, row for row.

More seeds: SCRM_TEST_FAULT_SEEDS=20.
"""

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp

from models.settings import Settings
from pipelines.lake import Commit, Lake
from pipelines.sandbox.faults import FaultLayer, FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sandbox.wecom import CORP_ID, DIALECT, SECRET, Faults, WecomState, create_app
from pipelines.sources import syncing, wecom_history, wecom_passes, windows
from pipelines.sources.connector import Context
from pipelines.sources.wecom import WecomConnector, WecomOptions
from pipelines.sources.wecom_contacts import ContactsStream
from tests.benchmarks import bench_wecom
from tests.wecom_company import few

SEEDS = int(os.environ.get("SCRM_TEST_FAULT_SEEDS", "2"))
Content = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def state() -> WecomState:
    return few(7)


def synced(app: ASGIApp, lake: Lake, until: datetime, tries: int = 12) -> int:
    """Reads until every stream is done; returns how many syncs that took."""
    with serving(app) as address:  # type: ignore[arg-type]
        for attempt in range(1, tries + 1):
            reports = once(address, lake, until)
            if all(report.state == "done" for report in reports):
                return attempt
    raise AssertionError([report.error for report in reports])


def once(address: str, lake: Lake, until: datetime) -> list[syncing.StreamReport]:
    options = WecomOptions(
        corp_id=CORP_ID,
        secret=SecretStr(SECRET),
        base_url=address + "/cgi-bin",
        requests_per_second=0,
        contacts_every_hours=1,
        page_size=10,
    )
    connector = WecomConnector(options, Context(lake, Settings(home=lake.root.parent), sleep=lambda _: None))
    try:
        return [
            syncing._of_stream(lake, "it", connector, stream, until, None, lambda _: None)
            for stream in connector.streams()
        ]
    finally:
        connector.close()


def content(lake: Lake) -> Content:
    """Every landed row without its batch; ``_raw`` is the record as it was sent."""
    return {
        name: sorted(lake.read("landed", name).drop("_batch", "_row").iter_rows(), key=repr)
        for name in lake.datasets("landed")
    }


@pytest.fixture(scope="module")
def calm(state: WecomState, tmp_path_factory: pytest.TempPathFactory) -> Content:
    lake = Lake(tmp_path_factory.mktemp("calm") / "lake")
    assert synced(create_app(state), lake, moment(state)) == 1
    return content(lake)


def moment(state: WecomState) -> datetime:
    return datetime.fromtimestamp(state.ends_at, UTC)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_one_answer_in_five_is_spoilt(
    state: WecomState, calm: Content, tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = create_app(state, Faults(token_calls=37, repeat_page=3))  # tokens end in the middle, pages come twice
    layer = FaultLayer(app, FaultPlan(seed=seed, rate=0.2, slow_seconds=0.01), DIALECT)
    lake = Lake(tmp_path / "lake")
    synced(layer, lake, moment(state))
    found = content(lake)
    assert found.keys() == calm.keys()
    for dataset, rows in calm.items():
        assert found[dataset] == rows, dataset
    assert len(calm) == 20
    assert sum(layer.met.values()) >= 5
    assert lake.datasets("quarantine") == []
    for entry in lake.entries():
        assert entry.accounting is not None
    said = caplog.text + lake.manifest.read_text()
    assert SECRET not in said
    assert "access_token" not in said
    phones = lake.read("landed", "wecom_follow_phones")["phone"].to_list()
    assert [phone for phone in phones if phone in said] == []


class _KilledError(Exception):
    pass


class _DyingLake(Lake):
    """Dies before, or right after, its n-th commit, as a kill would."""

    def __init__(self, root: Path, commits: int, *, after: bool) -> None:
        super().__init__(root)
        self.left, self.after = commits, after

    def commit(self, **batch: Any) -> Commit:
        self.left -= 1
        if self.left == 0:
            if self.after:
                super().commit(**batch)
            raise _KilledError
        return super().commit(**batch)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_commit_of_any_stream_it_goes_on_to_the_same_rows(
    state: WecomState, calm: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(wecom_passes, "ROWS_PER_CHUNK", 20)
    monkeypatch.setattr(wecom_history, "STAFF_PER_CHUNK", 3)
    monkeypatch.setattr(windows, "ROWS_PER_CHUNK", 2)
    monkeypatch.setattr(ContactsStream.__init__, "__kwdefaults__", {"every": timedelta(0), "pages_per_chunk": 2})
    for commits in range(1, 60):
        root = tmp_path / str(commits) / "lake"
        with serving(create_app(state)) as address:
            try:
                once(address, _DyingLake(root, commits, after=after), moment(state))
            except _KilledError:
                once(address, Lake(root), moment(state))
                assert content(Lake(root)) == calm, commits
            else:
                assert commits > 10, "there were no positions in between"
                return
    raise AssertionError("it never ended")


@pytest.mark.slow
def test_the_benchmark_reads_every_contact() -> None:
    found = bench_wecom.measure(contacts=3_000)
    assert (found["rows_landed"], found["requests"]) == (3_000, 32)  # 15 contacts of each of 200, 100 a page
    assert found["rss_mb_end"] - found["rss_mb_quarter"] < 100
    second = found["second_pass"]
    assert (second["changed"], second["rows_landed"], second["rows_left_as_they_are"]) == (30, 30, 2_970)
