"""A connector and its face at work: a stand behind a server, a home that syncs from it, and what must then be true."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from models.contracts import contract
from models.settings import Settings
from pipelines.sandbox.faults import FaultLayer, FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sources import connections, syncing
from pipelines.workspace import Workspace
from tests.connectors.stand import Kind, Stand
from tests.connectors.taobao import TAOBAO
from tests.connectors.till import TILL
from tests.connectors.wechat_pay import WECHAT_PAY
from tests.connectors.wecom import WECOM
from tests.connectors.youzan import YOUZAN

#: Every connector that the suites ask: a new one is one more name here.
KINDS: tuple[Kind, ...] = (TAOBAO, YOUZAN, WECHAT_PAY, WECOM, TILL)
#: Share of the answers in trouble.
RATE = 0.2


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
        if self.stand.pass_time is not None:
            self.stand.pass_time(span)
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
    landed = it.landed()
    for dataset, expected in it.stand.truth().items():
        of = contract(dataset)
        changed = [of.event_time] if of.event_time in of.key else []
        found = landed[dataset].drop("_row", "_batch")
        assert found.is_duplicated().sum() == 0, dataset
        key = [name for name in of.key if name not in changed and name in expected.columns]
        if it.stand.standing is None:
            newest = found.sort(changed, maintain_order=True).unique(key, keep="last", maintain_order=True)
        else:
            newest = it.stand.standing(dataset, landed)
        shown = newest.select(expected.columns)
        if not only and key:
            shown = shown.join(expected.select(key), on=key, how="semi")
        assert_frame_equal(shown, expected, check_row_order=False, check_dtypes=False)
