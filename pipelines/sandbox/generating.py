"""A whole company straight into a lake: batches of contract frames, without any interface between.

One batch for the company, two for each part of its people (the second holds what was handed over later), one for what
changed in the end. A batch has a key of its own, so that a generation that was stopped goes on where it was, and a
repeat adds nothing. Parts are independent: several processes share them and land them in their order, so the lake is
the same whatever their number, byte for byte but for the times of landing. Memory holds one part for each process.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Condition
from pathlib import Path

import polars as pl

from pipelines.lake import Accounting, Commit, Lake, Part, content_key
from pipelines.sandbox import landing
from pipelines.sandbox.company import Company
from pipelines.sandbox.full import DAYS, FullWorld
from pipelines.sandbox.numbering import PART_PEOPLE
from pipelines.sandbox.switches import Effects, Traits

SOURCE = "sandbox:world"
FORM = "3"  # of the world: a change of what is drawn changes it, and with it the keys of batches

OnPart = Callable[[int, int], None]


@dataclass(frozen=True)
class Order:
    """What to generate: so many customers, the ``days`` that end with ``ends_on``, traits and effects, and how many
    people make a part."""

    customers: int
    seed: int
    ends_on: date
    days: int = DAYS
    traits: Traits = field(default_factory=Traits)
    effects: Effects = field(default_factory=Effects)
    part_people: int = PART_PEOPLE

    @cached_property
    def company(self) -> Company:
        return Company.plan(self.customers, self.seed, self.ends_on, self.days, self.part_people)

    @property
    def parts(self) -> int:
        return self.company.parts

    @property
    def batches(self) -> list[str]:
        """Names of the batches, in the order of the lake."""
        of_parts = [batch for number in range(self.parts) for batch in _batches_of(number)]
        return ["company", *of_parts, "changes"]

    @property
    def keys(self) -> set[str]:
        return {self.key(batch) for batch in self.batches}

    def key(self, batch: str) -> str:
        what = {name: value for name, value in asdict(self).items() if name not in ("traits", "effects")}
        return content_key(SOURCE, FORM, batch, repr(what), repr(self.traits), repr(self.effects))


@dataclass(frozen=True)
class Generated:
    """Rows by dataset, over all batches; how many batches were new; seconds."""

    rows: Mapping[str, int]
    batches: int
    repeated: int
    seconds: float


def generate_into(lake: Lake, order: Order, workers: int = 1, on_part: OnPart | None = None) -> Generated:
    """Land the company; ``on_part`` hears of every part that is through (its number, how many there are).

    Raises ValueError for no customers or too many, LakeError and OSError when the lake refuses.
    """
    started = time.monotonic()
    commits = [_land(lake, order, "company", landing.company(order.company))]
    before = lake.head()
    if workers == 1:
        for number in range(order.parts):
            if not _is_there(lake, order, number):
                _land_part(lake, order, _frames(order, number))
            if on_part:
                on_part(number + 1, order.parts)
    else:
        _share(lake, order, min(workers, order.parts), on_part)
    new = lake.head() - before
    commits.append(_land(lake, order, "changes", landing.changes(order.company)))
    rows: dict[str, int] = {}
    for name in order.batches:
        entry = lake.find(order.key(name))
        for file in entry.files if entry else ():
            rows[file.dataset] = rows.get(file.dataset, 0) + file.rows
    new += sum(not commit.repeated for commit in commits)
    return Generated(rows, new, len(order.batches) - new, round(time.monotonic() - started, 1))


def _batches_of(number: int) -> tuple[str, str]:
    """The batches of a part: nearly everything, and what was handed over later."""
    return f"part-{number:03d}", f"late-{number:03d}"


def _land(lake: Lake, order: Order, batch: str, frames: Mapping[str, pl.DataFrame]) -> Commit:
    rows = sum(frame.height for frame in frames.values())
    return lake.commit(
        source=f"{SOURCE}/{batch}",
        key=order.key(batch),
        # One chunk a column: what a file looks like must not depend on how many threads made its frame.
        parts=[Part("landed", name, landing.numbered(frame).rechunk()) for name, frame in frames.items()],
        accounting=Accounting(rows=rows, accepted=rows),
        details={"customers": order.customers, "seed": order.seed},
    )


def _is_there(lake: Lake, order: Order, number: int) -> bool:
    return all(lake.find(order.key(batch)) is not None for batch in _batches_of(number))


def _frames(order: Order, number: int) -> dict[str, dict[str, pl.DataFrame]]:
    """Frames by dataset, by batch."""
    full = FullWorld.one_part(order.company, number, order.traits, order.effects)
    return dict(zip(_batches_of(number), (landing.part(full), landing.late(full)), strict=True))


def _land_part(lake: Lake, order: Order, frames: Mapping[str, Mapping[str, pl.DataFrame]]) -> None:
    for batch, of_batch in frames.items():
        _land(lake, order, batch, of_batch)


# ------------------------------------------------------------------ several processes


@dataclass
class _Queue:
    """Whose turn it is to land: the number of a part, or FAILED when a process gave up."""

    turn: "Synchronized[int]"
    moved: Condition


_FAILED = -1
_queue: list[_Queue] = []  # of a worker process: set once when it starts


def _start(turn: "Synchronized[int]", moved: Condition) -> None:
    _queue.append(_Queue(turn, moved))


def _share(lake: Lake, order: Order, workers: int, on_part: OnPart | None) -> None:
    """Part by part in several processes; spawned, because a process that has used polars cannot be forked.

    The first part that fails ends it: parts before it have landed, the others have not.
    """
    context = multiprocessing.get_context("spawn")
    turn = context.Value("i", 0)
    threads = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(turn, context.Condition()))
    try:
        tasks = [pool.submit(_work, lake.root, order, number) for number in range(order.parts)]
        for done, task in enumerate(as_completed(tasks), start=1):
            task.result()
            if on_part:
                on_part(done, order.parts)
    finally:
        pool.shutdown(cancel_futures=True)
        if threads is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = threads


def _work(root: Path, order: Order, number: int) -> None:
    """One part in a worker process: drawn beside the others, landed in its turn."""
    lake, queue = Lake(root), _queue[0]
    landed = False
    try:
        gone = queue.turn.value == _FAILED or _is_there(lake, order, number)
        frames = None if gone else _frames(order, number)
        with queue.moved:
            queue.moved.wait_for(lambda: queue.turn.value in (number, _FAILED))
        if queue.turn.value == _FAILED:
            raise RuntimeError(f"part {number} was given up because another part failed")
        if frames is not None:
            _land_part(lake, order, frames)
        landed = True
    finally:
        with queue.moved:
            if queue.turn.value != _FAILED:  # who failed stays failed, whoever was landing meanwhile
                queue.turn.value = number + 1 if landed else _FAILED
            queue.moved.notify_all()
