"""Streams that are read by time of change: windows no longer than the vendor allows, complete although records move.

Facts this rests on (sources.md of every shop platform says the same): a record that changes leaves the window it was
in and enters a later one, so that the records behind it move one place forward. Pages are therefore read from the last
to the first: what moves is met again, never missed. Each window is proven against the vendor's own total afterwards.

Windows are closed at both ends and touch; every pass begins a lookback before the position and once a day a longer
one, so that records which the vendor published late are found. What was landed before is known by its bytes and left.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from pipelines.lake import Accounting, Lake, Part
from pipelines.sources import records
from pipelines.sources.connector import Chunk, Context, Span, StateError, Stream
from pipelines.sources.http import HttpClient, SourceError

SECOND = timedelta(seconds=1)
REREADS = 4
ROWS_PER_CHUNK = 20_000
CLOCKS_APART = timedelta(minutes=5)
IDLE = timedelta(hours=6)  # a quiet shop adds a line to the manifest so often, not every hour


class ShiftingPagesError(SourceError):
    """A window's pages never held as many records as the vendor says there are."""


class CrowdedSecondError(SourceError):
    """More records changed within one second than the vendor lets anybody read."""


@dataclass(frozen=True)
class Page:
    """Records of one page, as bytes, and how many the whole window has."""

    records: Sequence[bytes]
    total: int


@dataclass(frozen=True)
class Limits:
    """What a vendor allows. ``longest``: span of one window. ``history``: how far back it answers. ``settle``: how
    close to now it may be asked. ``deepest``: most records that the pages of one window reach; 0: no limit.
    ``splits_at``:
    records above which a window is halved all the same, to keep memory flat."""

    longest: timedelta
    history: timedelta
    page_size: int
    settle: timedelta = timedelta(minutes=1)
    lookback: timedelta = timedelta(minutes=10)
    recheck: timedelta = timedelta(days=3)
    deepest: int = 0
    splits_at: int = 5_000

    @property
    def most(self) -> int:
        return min(self.splits_at, self.deepest) if self.deepest else self.splits_at


def split(start: datetime, end: datetime, longest: timedelta) -> Iterator[Span]:
    """Windows that cover [start, end] in order, closed, each no longer than ``longest``; neighbours share their border.

    Times are cut to whole seconds (the start down, the end up), the resolution of every vendor. None when end < start.
    """
    if longest < SECOND:
        raise ValueError(f"a window of {longest} is shorter than a second")
    low = start.replace(microsecond=0)
    high = end if end.microsecond == 0 else end.replace(microsecond=0) + SECOND
    if low == high:
        yield Span(low, high)
    while low < high:
        until = min(low + longest, high)
        yield Span(low, until)
        low = until


def _halves(window: Span) -> tuple[Span, Span]:
    """Two windows that share a second, or, of two seconds, each one."""
    if window.end - window.start == SECOND:
        return Span(window.start, window.start), Span(window.end, window.end)
    middle = (window.start + (window.end - window.start) // 2).replace(microsecond=0)
    return Span(window.start, middle), Span(middle, window.end)


class WindowedStream(Stream):
    """One API that lists records by time of change. Subclasses say how a page is asked for, and what a record means."""

    limits: ClassVar[Limits]
    schema: ClassVar[records.Schema]
    key: ClassVar[str | pl.Expr]  # the vendor's number of a record: a column of the schema, or where it stands in one

    def __init__(self, source: str, context: Context, client: HttpClient) -> None:
        self.source = source
        self.context = context
        self.client = client

    @abstractmethod
    def page(self, window: Span, number: int) -> Page:
        """One page of a window, from 1. The total must be that of the moment of the answer."""

    @abstractmethod
    def tables(self, frame: pl.DataFrame, file: str) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
        """Per dataset, the record's own first: (rows of the contract, rejects), of a decoded frame."""

    # ------------------------------------------------------------------ reading

    def read(self, since: Mapping[str, Any] | None, until: datetime, span: Span | None = None) -> Iterator[Chunk]:
        position = _Position.of(since)
        if position.through is not None and position.through > until + CLOCKS_APART:
            raise StateError(
                f"{self.source}: the last sync read up to {position.through:%Y-%m-%d %H:%M} UTC, which has not come "
                "yet, here or there; set the clock right, or read the days again with --from and --to"
            )
        if span is not None:
            yield from self._chunks(span.start, span.end, None, position)
            return
        until -= self.limits.settle
        today = f"{until:%Y-%m-%d}"
        start = self._start(position, until, today)
        yield from self._chunks(start, until, today, position)

    def _start(self, position: "_Position", until: datetime, today: str) -> datetime:
        oldest = until - self.limits.history
        if position.at is not None:  # a pass that was interrupted goes on
            return max(position.at, oldest)
        if position.through is None:
            return oldest
        back = self.limits.lookback if position.rechecked == today else self.limits.recheck
        return max(position.through - back, oldest)

    def _chunks(self, start: datetime, until: datetime, today: str | None, position: "_Position") -> Iterator[Chunk]:
        """``today`` None: positions stay as they are."""
        landed = _Landed(self.context.lake, self.source, self.datasets[0], start)
        held: list[pl.DataFrame] = []
        repeated, first, committed = 0, start, position
        for window in split(start, until, self.limits.longest):
            for read, frame in self._whole(window):
                fresh = landed.without(frame)
                repeated += frame.height - fresh.height
                held.append(fresh)
                if today is not None:
                    position = position.past(read.end)
                if sum(frame.height for frame in held) >= ROWS_PER_CHUNK:
                    yield self._chunk(held, position, Span(first, read.end), repeated)
                    held, repeated, first, committed = [], 0, read.end, position
        if today is not None:
            position = position.done(today)
        chunk = self._chunk(held, position, Span(first, max(first, until)), repeated)
        yield replace(chunk, idle=today is None or _idle(committed, position))

    def _whole(self, window: Span) -> Iterator[tuple[Span, pl.DataFrame]]:
        """The window's records, in one piece or in halves; each as often as pages hold it, at least once."""
        for _ in range(REREADS):
            first = self.page(window, 1)
            if first.total > self.limits.most and window.start < window.end:
                for half in _halves(window):
                    yield from self._whole(half)
                return
            if self.limits.deepest and first.total > self.limits.deepest:
                raise CrowdedSecondError(
                    f"{self.source}: {first.total} records changed at {window.start:%Y-%m-%d %H:%M:%S} UTC, "
                    f"and only {self.limits.deepest} can be read; ask the vendor for an export of that hour"
                )
            found, total = self._pages(window, first)
            frame = records.decode(found, self.schema).unique(RAW_COLUMN, keep="first", maintain_order=True)
            keys = frame.select(self.key).to_series()  # of a record that cannot be read it is null
            if keys.drop_nulls().n_unique() + keys.null_count() >= total:
                yield window, frame
                return
        raise ShiftingPagesError(
            f"{self.source}: pages from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC held fewer "
            f"records than the {total} announced, {REREADS} times; nothing of them was landed. Run the sync again later"
        )

    def _pages(self, window: Span, first: Page) -> tuple[list[bytes], int]:
        """Records from the last page to the first, and the total as the last answer had it."""
        last = -(-first.total // self.limits.page_size)
        if last <= 1:  # one answer is one moment
            return list(first.records), first.total
        found: list[bytes] = []
        total = first.total
        for number in range(last, 0, -1):
            page = self.page(window, number)
            found += page.records
            total = page.total
        return found, total

    def _chunk(self, held: list[pl.DataFrame], position: "_Position", span: Span, repeated: int) -> Chunk:
        frame = pl.concat(held) if held else records.decode([], self.schema)
        rows = frame.height
        frame = frame.with_columns(pl.int_range(1, rows + 1, dtype=pl.Int64).alias(ROW_COLUMN))
        file = f"{self.source}/{span.start:%Y%m%dT%H%M%S}-{span.end:%Y%m%dT%H%M%S}"
        parts: list[Part] = []
        unknown: dict[str, list[str]] = {}
        accepted = 0
        for dataset, (good, refused) in self.tables(frame, file).items():
            parts += [Part("landed", dataset, good)] * (good.height > 0)
            parts += [Part("quarantine", dataset, refused)] * (refused.height > 0)
            unknown |= {f"{dataset}.{k}": v for k, v in records.unknown_values(good, contract(dataset)).items()}
            if dataset == self.datasets[0]:
                accepted = good.height
        return Chunk(
            parts=tuple(parts),
            accounting=Accounting(
                rows=rows + repeated, accepted=accepted, quarantined=rows - accepted, skipped=repeated
            ),
            cursor=position.cursor(),
            details={"from": span.start.isoformat(), "to": span.end.isoformat()},
            fields=records.names(raw.encode() for raw in frame[RAW_COLUMN].head(200)),
            unknown=unknown,
            repeated=repeated,
        )


@dataclass(frozen=True)
class _Position:
    """``through``: up to then whole passes have read. ``at``: how far the pass under way is; None: none is.
    ``rechecked``: the day (UTC) of the last long lookback."""

    through: datetime | None = None
    at: datetime | None = None
    rechecked: str = ""

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> "_Position":
        if cursor is None:
            return cls()
        try:
            through, at = (None if cursor[name] is None else _aware(cursor[name]) for name in ("through", "at"))
            return cls(through, at, str(cursor["rechecked"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(
                f"the committed position is of another form ({error}); was it written by a newer release? "
                "Read the days again with --from and --to"
            ) from None

    def past(self, end: datetime) -> "_Position":
        return _Position(self.through, end, self.rechecked)

    def done(self, today: str) -> "_Position":
        ends = [moment for moment in (self.through, self.at) if moment is not None]
        return _Position(max(ends, default=None), None, today)

    def cursor(self) -> dict[str, Any]:
        def shown(moment: datetime | None) -> str | None:
            return None if moment is None else moment.isoformat()

        return {"through": shown(self.through), "at": shown(self.at), "rechecked": self.rechecked}


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment.astimezone(UTC)


def _idle(before: _Position, after: _Position) -> bool:
    """Nothing is lost when ``after`` is not committed: the next pass reads a little more again."""
    if after.through is None or before.through is None:
        return after.through is None
    return before.at is None and after.through - before.through < IDLE and before.rechecked == after.rechecked


class _Landed:
    """Hashes of the records that a stream landed from ``start`` on, and of those met in this pass."""

    def __init__(self, lake: Lake, source: str, dataset: str, start: datetime) -> None:
        paths = [
            lake.root / file.path
            for zone in ("landed", "quarantine")
            for entry, file in lake.files(zone, dataset)  # type: ignore[arg-type]
            if entry.source == source and _aware(entry.details["to"]) >= start
        ]
        raws = [pl.read_parquet(path, columns=[_raw_of(path)]).to_series().alias("raw") for path in paths]
        self._known = _hashes(pl.concat(raws)) if raws else pl.DataFrame(schema={"hash": pl.UInt64})

    def without(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The records that are new; they count as met from now on."""
        hashed = frame.with_columns(pl.col(RAW_COLUMN).hash(seed=1).alias("hash"))
        fresh = hashed.join(self._known, on="hash", how="anti", maintain_order="left")
        self._known = pl.concat([self._known, fresh.select("hash")])
        return fresh.drop("hash")


def _raw_of(path: Any) -> str:
    return "raw" if "quarantine" in path.parts else RAW_COLUMN


def _hashes(raws: pl.Series) -> pl.DataFrame:
    return raws.hash(seed=1).alias("hash").unique().to_frame()
