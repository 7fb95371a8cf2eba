"""The journey's SQL against a plain state machine that walks from event to event, on random histories.

Accidents it prevents: a silence found on the wrong side of a window, a customer back before being gone, a history that
changes when it is computed a day later.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl
import pytest

from models.documents.journey import Happened, JourneyDocument, Sort, Stage
from tests.journey_project import INTERACTIONS, JourneyProject

pytestmark = pytest.mark.slow
START = datetime(2026, 1, 1)
CUSTOMERS = 1500
DAYS = 40
KINDS = ("seen", "asked", "added", "deleted", "paid", "joined", "told")  # `told` is nobody's rule
BOOK = JourneyDocument.parse(
    """
    name: random
    touches: [seen, asked, added, paid, joined]
    stages:
      - {id: stranger, names: {zh: a, en: a}, touched: true}
      - {id: lead, names: {zh: b, en: b}, enter: [{kinds: [asked, added]}]}
      - {id: buyer, names: {zh: c, en: c}, enter: [{kinds: [paid]}]}
      - id: regular
        names: {zh: d, en: d}
        enter: [{kinds: [paid], nth: 3}, [{kinds: [joined]}, {kinds: [paid], nth: 2}]]
      - {id: quiet, names: {zh: e, en: e}, quiet_days: 3}
      - {id: asleep, names: {zh: f, en: f}, quiet_days: 7}
      - {id: lost, names: {zh: g, en: g}, quiet_days: 12, gone: {joined: [added], left: [deleted]}}
      - {id: back, names: {zh: h, en: h}, back_from: [asleep, lost], stays_days: 2}
    """,
    name="random",
)
NO_WAY_BACK = JourneyDocument.parse(
    """
    name: short
    touches: [seen, paid]
    stages:
      - {id: buyer, names: {zh: c, en: c}, enter: [{kinds: [paid]}]}
      - {id: asleep, names: {zh: f, en: f}, quiet_days: 5}
    """,
    name="short",
)


@dataclass(frozen=True)
class Event:
    at: datetime
    kind: str
    object_id: str


@dataclass
class Machine:
    """One customer, moment by moment. ``depth``: rank of the quiet stage, 0 when none."""

    document: JourneyDocument
    counts: dict[Happened, int] = field(default_factory=dict)
    last_touch: datetime | None = None
    ties: dict[str, int] = field(default_factory=dict)
    gone_since: dict[str, datetime] = field(default_factory=dict)
    depth: int = 0
    back_until: datetime | None = None

    def next_timer(self, after: datetime) -> datetime | None:
        timers = [self.back_until] if self.back_until else []
        if self.last_touch is not None:
            silences = [stage.quiet_days for stage in self.document.stages if stage.quiet_days is not None]
            timers += [self.last_touch + timedelta(days=days) for days in silences]
        return min((timer for timer in timers if timer > after), default=None)

    def at(self, moment: datetime, events: list[Event]) -> str | None:
        """The stage after all that happened at a moment."""
        for event in events:
            for condition in self._conditions():
                if event.kind in condition.kinds:
                    self.counts[condition] = self.counts.get(condition, 0) + 1
        touched = any(event.kind in self.document.touches for event in events)
        if touched:
            self.last_touch = moment
            self.gone_since = {}
        self._cut_ties(moment, events)
        before, self.depth = self.depth, self._depth(moment)
        if self.depth:
            self.back_until = None
        elif before:
            (name,) = [stage.id for rank, stage in enumerate(self.document.stages, 1) if rank == before]
            for stage in self.document.of_sort(Sort.BACK):
                if name in stage.back_from:
                    self.back_until = moment + timedelta(days=stage.stays_days or 0)
        return self._stage(moment)

    def _conditions(self) -> set[Happened]:
        return {c for stage in self.document.stages for one in _alternatives(stage, self.document) for c in one}

    def _cut_ties(self, moment: datetime, events: list[Event]) -> None:
        for stage in self.document.stages:
            if stage.gone is None:
                continue
            left = sum(event.kind in stage.gone.left for event in events)
            joined = sum(event.kind in stage.gone.joined for event in events)
            self.ties[stage.id] = self.ties.get(stage.id, 0) + joined - left
            if left and self.ties[stage.id] <= 0:
                self.gone_since[stage.id] = moment

    def _depth(self, moment: datetime) -> int:
        deepest = 0
        for rank, stage in enumerate(self.document.stages, 1):
            unheard = (
                stage.quiet_days is not None
                and self.last_touch is not None
                and self.last_touch + timedelta(days=stage.quiet_days) <= moment
            )
            if unheard or stage.id in self.gone_since:
                deepest = rank
        return deepest

    def _stage(self, moment: datetime) -> str | None:
        stages = self.document.stages
        if self.depth:
            return stages[self.depth - 1].id
        if self.back_until is not None and moment < self.back_until:
            return self.document.of_sort(Sort.BACK)[0].id
        open_steps = [
            stage.id
            for stage in self.document.of_sort(Sort.STEP)
            if any(all(self.counts.get(c, 0) >= c.nth for c in one) for one in _alternatives(stage, self.document))
        ]
        return open_steps[-1] if open_steps else None


def _alternatives(stage: Stage, document: JourneyDocument) -> tuple[tuple[Happened, ...], ...]:
    return ((Happened(kinds=document.touches),),) if stage.touched else stage.enter


def walked(document: JourneyDocument, events: list[Event], as_of: datetime) -> list[tuple[str, datetime]]:
    """(stage, entered_at) of one customer, from what happened before ``as_of``."""
    happened: dict[datetime, list[Event]] = {}
    for event in events:
        if event.at < as_of:
            happened.setdefault(event.at, []).append(event)
    machine, stays, now = Machine(document), [], START - timedelta(days=1)
    stage: str | None = None
    while True:
        due = [moment for moment in (*happened, machine.next_timer(now)) if moment is not None and moment > now]
        if not due or min(due) >= as_of:
            return stays
        now = min(due)
        found = machine.at(now, happened.get(now, []))
        if found is None and stage is not None:  # nothing lies over a customer of whom no step is known
            found = document.stages[0].id
        if found is not None and found != stage:
            stays.append((found, now))
            stage = found


def history(rng: random.Random) -> list[Event]:
    """Few days, so that moments meet and gaps are of exactly the days that count."""
    size = rng.choice((1, 2, 3, 5, 8, 13))
    kinds = rng.choices(KINDS, k=size)
    hours = rng.choice((24, 24, 12, 1))
    return [
        Event(START + timedelta(hours=hours * rng.randrange(DAYS * 24 // hours)), kind, f"o{number}")
        for number, kind in enumerate(kinds)
    ]


@pytest.fixture(scope="module")
def histories() -> dict[str, list[Event]]:
    rng = random.Random(20260102)
    return {f"C{number:05}": history(rng) for number in range(CUSTOMERS)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> JourneyProject:
    return JourneyProject(tmp_path_factory.mktemp("journeys"))


def stays_by_sql(
    project: JourneyProject, document: JourneyDocument, histories: dict[str, list[Event]], as_of: datetime
) -> pl.DataFrame:
    rows = [
        (customer, event.kind, event.object_id, "S1" if event.kind == "paid" else None, event.at)
        for customer, events in histories.items()
        for event in events
        if event.at < as_of
    ]
    random.Random(7).shuffle(rows)
    project.write_run(document, as_of)
    project.fill(interactions=pl.DataFrame(rows, schema=dict(INTERACTIONS), orient="row"))
    project.build("journey_steps", "journey_silences", "journey_overlays", "journey_entries")
    return project.table("journey_entries").sort("customer_id", "entry_no")


def expected(document: JourneyDocument, histories: dict[str, list[Event]], as_of: datetime) -> pl.DataFrame:
    rows = [
        (customer, number, stage, at)
        for customer, events in histories.items()
        for number, (stage, at) in enumerate(walked(document, events, as_of), start=1)
    ]
    schema = {"customer_id": pl.String, "entry_no": pl.Int64, "stage": pl.String, "entered_at": pl.Datetime("us")}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("customer_id", "entry_no")


KEY = ("customer_id", "entry_no", "stage", "entered_at")


@pytest.mark.parametrize("document", [BOOK, NO_WAY_BACK], ids=["all sorts", "no way back"])
def test_sql_and_the_machine_give_the_same_stays(project, histories, document):
    as_of = START + timedelta(days=DAYS + 5)
    found, wanted = stays_by_sql(project, document, histories, as_of), expected(document, histories, as_of)
    assert found.select(KEY).rows() == wanted.rows()
    counted = dict(found["stage"].value_counts().rows())
    assert min(counted.get(stage.id, 0) for stage in document.stages) > 20, "every stage was walked through"
    # a stay ends when the next begins, and knows both its neighbours
    after = found.with_columns(
        at=pl.col("entered_at").shift(-1).over("customer_id"), to=pl.col("stage").shift(-1).over("customer_id")
    )
    assert after["at"].equals(after["left_at"].alias("at")) and after["to"].equals(after["next_stage"].alias("to"))
    _causes_hold(found, document, histories)


def _causes_hold(found: pl.DataFrame, document: JourneyDocument, histories: dict[str, list[Event]]) -> None:
    """A cause is an event of its moment that may open the stage; time alone has none."""
    stages = {stage.id: stage for stage in document.stages}
    timed = 0
    for row in found.iter_rows(named=True):
        stage = stages[row["stage"]]
        there = {e.object_id: e.kind for e in histories[row["customer_id"]] if e.at == row["entered_at"]}
        opens = {kind for one in stage.enter for condition in one for kind in condition.kinds}
        ends = set(stage.gone.left) if stage.gone else set()
        may = opens | ends | (set() if stage.sort is Sort.QUIET else set(document.touches))
        if row["cause_kind"] is None:
            timed += 1
            assert not may & set(there.values())
        else:
            assert there[row["cause_object_id"]] == row["cause_kind"]
            assert row["cause_kind"] in may
            assert row["cause_kind"] in opens or not opens & set(there.values())
    assert timed > 100


def test_a_history_does_not_depend_on_the_day_on_which_it_is_computed(project, histories):
    late = stays_by_sql(project, BOOK, histories, START + timedelta(days=DAYS + 5))
    for days in (9, 23):
        day = START + timedelta(days=days)
        early = stays_by_sql(project, BOOK, histories, day)
        columns = ["customer_id", "entry_no", "stage", "entered_at", "cause_kind", "cause_object_id", "store_id"]
        assert early.select(columns).rows() == late.filter(pl.col("entered_at") < day).select(columns).rows()
        known = pl.when(pl.col("left_at") < day).then(pl.col("left_at")).alias("left_at")
        assert early["left_at"].to_list() == late.filter(pl.col("entered_at") < day).select(known)["left_at"].to_list()
