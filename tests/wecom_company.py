"""A few of the sample's staff with their contacts behind the WeCom face, and one stream after the other into a lake."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from models.settings import PROJECT_ROOT, Settings
from pipelines.lake import Lake
from pipelines.sandbox.server import serving
from pipelines.sandbox.wecom import CORP_ID, SECRET, Corp, Counts, Faults, WecomState, create_app
from pipelines.sources import syncing
from pipelines.sources.connector import Context, Span
from pipelines.sources.wecom import WecomConnector, WecomOptions


def few(people: int, left: int = 2) -> WecomState:
    """``people`` who may contact customers, and ``left`` who have left."""
    whole = WecomState.read(PROJECT_ROOT / "data" / "sample" / "wecom.json")
    some = {userid: whole.contacts[userid] for userid in sorted(whole.contacts)[:people]}
    gone = [one["userid"] for one in whole.staff if one["status"] == 5][:left]
    staff = tuple(one for one in whole.staff if one["userid"] in [*some, *gone])
    return WecomState(whole.departments, staff, tuple(some), some)


@dataclass
class Sandbox:
    corp: Corp
    counts: Counts
    options: WecomOptions
    home: Path

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.corp.now(), UTC)

    def connector(self, lake: Lake, **changes: Any) -> WecomConnector:
        return WecomConnector(self.options.model_copy(update=changes), Context(lake, Settings(home=self.home)))

    def read(
        self, lake: Lake, stream: str, until: datetime | None = None, span: Span | None = None, **changes: Any
    ) -> int:
        """One stream, committed; returns the rows that landed. Errors rise."""
        connector = self.connector(lake, **changes)
        rows = 0
        try:
            found = next(one for one in connector.streams() if one.name == stream)
            source = connector.source(stream)
            before = lake.cursor(source)
            for chunk in found.read(before, until or self.now, span):
                if chunk.parts or not chunk.idle:
                    syncing._commit(lake, source, before, chunk, None)
                    before = chunk.cursor
                rows += chunk.accounting.accepted
        finally:
            connector.close()
        return rows


@contextmanager
def sandbox(state: WecomState, home: Path, faults: Faults | None = None, **more: Any) -> Iterator[Sandbox]:
    app = create_app(state, faults, **more)
    with serving(app) as address:
        options = WecomOptions(
            corp_id=CORP_ID, secret=SecretStr(SECRET), base_url=address + "/cgi-bin", requests_per_second=0
        )
        yield Sandbox(app.state.face.corps[CORP_ID], app.state.face.counts, options, home)


def keys(lake: Lake, dataset: str, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(lake.read("landed", dataset).select(columns).iter_rows())
