"""Days that are caught up: one run per business date, in order, without moving readers back in time.

What a backfill decides is what a run of that date would decide on what the lake holds *now*: events up to the date,
from all batches that have landed since (late files and corrections included). The estimator is one that was trained on
or before the date; where there is none, it is trained as of the date. Customer ids stay as they were decided first.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from models.errors import ExpectedError
from models.serving.pointer import read_pointer
from models.settings import Settings
from pipelines.lake import Entry, Lake
from pipelines.publishing import DECIDED_SOURCE

#: Between two days the warehouse is free for longer than a waiting run takes to look.
GIVE_WAY_SECONDS = 1.0
LONGEST_DAYS = 3660


class BackfillRefusedError(ExpectedError):
    """The range, or the publication of its last day, makes no sense; nothing was run."""


@dataclass(frozen=True)
class Day:
    """``state``: run, or skipped (decided before, and no fact has landed since)."""

    business_date: str
    state: str
    to_seq: int = 0
    seconds: float = 0.0
    snapshot: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


#: (business date, publish) → (to_seq, seconds, snapshot): one run of the main job.
RunDay = Callable[[date, bool], tuple[int, float, str]]


def days(first: date, last: date) -> list[date]:
    """Raises BackfillRefusedError for an empty or a mistyped range."""
    if first > last:
        raise BackfillRefusedError(f"the range ends before it begins: {first} to {last}")
    if (last - first).days >= LONGEST_DAYS:
        raise BackfillRefusedError(f"{first} to {last} are more than {LONGEST_DAYS} days; is a year mistyped?")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def backfill(
    settings: Settings,
    first: date,
    last: date,
    run_day: RunDay,
    *,
    publish_last: bool = False,
    again: bool = False,
) -> Iterator[Day]:
    """Run every business date of the range in order; a cut-off backfill goes on where it ended.

    Only the last day can be published, and only when readers do not see a later one: the others commit what they
    decide. Raises BackfillRefusedError, and what a run raises: the days before stay done.
    """
    wanted = days(first, last)
    if publish_last:
        refuse_going_back(settings, last)
    lake = Lake(settings.lake_dir)
    for number, day in enumerate(wanted):
        publish = publish_last and day == last
        if not publish and not again and (known := decided(lake.entries(), day)) is not None:
            yield Day(day.isoformat(), "skipped", to_seq=known)
            continue
        if number:
            time.sleep(GIVE_WAY_SECONDS)
        if publish:
            refuse_going_back(settings, last)  # a daily run may have published meanwhile
        to_seq, seconds, snapshot = run_day(day, publish)
        yield Day(day.isoformat(), "run", to_seq, seconds, snapshot)


def refuse_going_back(settings: Settings, last: date) -> None:
    """Raises BackfillRefusedError when readers see a later business date than the one that would be published."""
    pointer = read_pointer(settings.published_dir) if settings.published_dir.exists() else None
    if pointer is not None and pointer.business_date > last:
        raise BackfillRefusedError(
            f"readers see {pointer.business_date}; publishing {last} would take them back. Leave --publish-last away"
        )


def decided(entries: list[Entry], day: date) -> int | None:
    """The sequence number that a run of this date read to, when no fact or document has landed after it."""
    runs = [
        int(str(entry.details["run"]).split("/")[1])
        for entry in entries
        if entry.source == DECIDED_SOURCE and str(entry.details["run"]).startswith(f"{day.isoformat()}/")
    ]
    if not runs:
        return None
    read_to = max(runs)
    newer = (entry for entry in entries if entry.seq > read_to)
    return None if any(_is_news(entry) for entry in newer) else read_to


def _is_news(entry: Entry) -> bool:
    """Not what runs themselves commit."""
    return not entry.source.startswith("run:")
