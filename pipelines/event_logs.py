"""Files of events, an event a row, as a log of cases: CSV, Parquet, XLSX, JSON lines and XES, also gzipped."""

import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, iterparse

import polars as pl

from models.contracts import ROW_COLUMN
from models.errors import ExpectedError
from pipelines.sources.files.reading import Source, load_source, read_table
from pipelines.sources.files.times import read_timestamp

#: What XES calls an event's activity and time, and a trace's name (IEEE 1849).
XES_CASE, XES_ACTIVITY, XES_AT = "case:concept:name", "concept:name", "time:timestamp"
_GZIP = b"\x1f\x8b"
_XML = (b"<?xml", b"\xef\xbb\xbf<?xml", b"<log")


class EventLogError(ExpectedError, ValueError):
    """A file is no log, lacks a column or holds a time that cannot be read; the message names file, column and cell."""


@dataclass(frozen=True)
class EventLog:
    """events: case_id, activity, happened_at, started_at (naive UTC; null where not stated), civil_at (naive, in the
    log's zone), position (place in the file). cases: case_id, deadline, ended_at (naive UTC, null when not stated or
    not asked for). left_out: rows without case, activity or time."""

    events: pl.DataFrame
    cases: pl.DataFrame
    left_out: int


def read_log(
    path: Path,
    case: str,
    activity: str,
    at: str,
    zone: str,
    deadline: str | None = None,
    end: str | None = None,
    start: str | None = None,
) -> EventLog:
    """Read a file of events. ``zone``: of times that carry no offset, and of ``civil_at``. ``start``: of an activity.

    The deadline and the end of a case are the latest that its events state. Raises EventLogError, FileRefusedError.
    """
    records = _records(path)
    asked = [name for name in (case, activity, at, deadline, end, start) if name is not None]
    if absent := [name for name in asked if name not in records.columns]:
        known = ", ".join(records.columns)
        raise EventLogError(f"{path.name}: there is no column {', '.join(absent)}; there are {known}")
    read = pl.DataFrame(
        {
            "case_id": records[case],
            "activity": records[activity],
            "happened_at": _times(records[at], zone, path),
            "started_at": _optional(records, start, zone, path),
            "deadline": _optional(records, deadline, zone, path),
            "ended_at": _optional(records, end, zone, path),
        }
    ).with_row_index("position", offset=1)
    whole = read.drop_nulls(["case_id", "activity", "happened_at"])
    if whole.is_empty():
        raise EventLogError(f"{path.name}: no row has a case, an activity and a time")
    civil = pl.col("happened_at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    events = whole.select(
        "case_id", "activity", "happened_at", "started_at", pl.col("position").cast(pl.Int64), civil_at=civil
    )
    cases = whole.group_by("case_id").agg(pl.col("deadline", "ended_at").max()).sort("case_id")
    return EventLog(events, cases, read.height - whole.height)


def _records(path: Path) -> pl.DataFrame:
    """All cells as text, blanks around them cut off, empty ones null."""
    source = load_source(path)
    if source.data.startswith(_GZIP):
        try:
            source = Source(source.name.removesuffix(".gz"), gzip.decompress(source.data), source.sha256)
        except (EOFError, OSError) as error:
            raise EventLogError(f"{path.name}: the archive is broken: {error}") from error
    if source.data.lstrip().startswith(_XML):
        return _xes(source)
    table = read_table(source)
    if table.ragged.height:
        row = table.ragged[ROW_COLUMN][0]
        raise EventLogError(f"{path.name}: row {row} is not as wide as the header; repair the file")
    return table.frame.drop(ROW_COLUMN).select(pl.all().cast(pl.String).str.strip_chars().replace("", None))


def _xes(source: Source) -> pl.DataFrame:
    """One row per event; attributes of its trace get ``case:`` in front. Attributes within attributes are left out."""
    rows: list[dict[str, str | None]] = []
    try:
        for trace in _traces(source.data):
            of_case = {f"case:{name}": value for name, value in _attributes(trace)}
            events = (child for child in trace if _tag(child) == "event")
            rows += [of_case | dict(_attributes(event)) for event in events]
    except ParseError as error:
        raise EventLogError(f"{source.name}: not readable as XES: {error}") from error
    if not rows:
        raise EventLogError(f"{source.name}: the file holds no event")
    return pl.DataFrame(rows, infer_schema_length=None)


def _traces(data: bytes) -> Iterator[Element]:
    for _, element in iterparse(io.BytesIO(data)):
        if _tag(element) == "trace":
            yield element
            element.clear()  # a log is read once, not held


def _attributes(element: Element) -> Iterator[tuple[str, str | None]]:
    return ((child.attrib["key"], child.get("value")) for child in element if "key" in child.attrib)


def _tag(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _optional(records: pl.DataFrame, column: str | None, zone: str, path: Path) -> pl.Series:
    if column is None:
        return pl.Series([None], dtype=pl.Datetime("us")).new_from_index(0, records.height)
    return _times(records[column], zone, path)


def _times(values: pl.Series, zone: str, path: Path) -> pl.Series:
    typed, problems = read_timestamp(values, (), zone)
    for mask, words in problems:
        if mask.any():
            row = int(mask.arg_true()[0])
            raise EventLogError(f"{path.name}: row {row + 1}, column {values.name}: {values[row]!r} {words}")
    return typed


def targets_of(path: Path) -> pl.DataFrame:
    """Targets from a file: activity, next_activity (null: whatever follows), target_seconds, waits_for.

    Its columns: activity, next_activity, target_hours, waits_for (``customer``, ``administration``, or empty: work);
    all but the first may be left out. Raises EventLogError.
    """
    records = _records(path)
    known = ("activity", "next_activity", "target_hours", "waits_for")
    if "activity" not in records.columns or not set(records.columns) <= set(known):
        raise EventLogError(f"{path.name}: its columns must be among {', '.join(known)}, with activity")
    filled = records.with_columns(pl.lit(None, pl.String).alias(name) for name in _absent(known, records.columns))
    hours = filled["target_hours"].cast(pl.Float64, strict=False)
    if bool((hours.is_null() & filled["target_hours"].is_not_null()).any()) or bool((hours < 0).any()):
        raise EventLogError(f"{path.name}: target_hours must be numbers that are not negative")
    sorts = set(filled["waits_for"].drop_nulls()) - {"customer", "administration"}
    if sorts:
        raise EventLogError(f"{path.name}: waits_for is {', '.join(sorted(sorts))}; use customer or administration")
    key = filled.select("activity", "next_activity")
    if bool(key.is_duplicated().any()) or key["activity"].null_count():
        raise EventLogError(f"{path.name}: each activity, or pair of activities, needs a row of its own")
    return filled.select(
        "activity", "next_activity", target_seconds=(hours * 3600).round().cast(pl.Int64), waits_for="waits_for"
    )


def _absent(known: Sequence[str], present: Sequence[str]) -> list[str]:
    return [name for name in known if name not in present]
