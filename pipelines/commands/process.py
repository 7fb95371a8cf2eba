"""``scrm process``: where the time goes in any log of events."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
import typer
from rich.console import Group, RenderableType

from models.settings import Settings
from pipelines.commands.output import AsJson, console, emit, fail, rows_table

if TYPE_CHECKING:
    from pipelines.process import ProcessFigures

_DAY = 86_400
_MOST = 20
_ASIDE = ("longest_seconds", "example_case_id")  # in --json; a terminal is narrow


def process(
    file: Annotated[Path, typer.Argument(help="an event a row: CSV, Parquet, XLSX, JSONL, or XES; also gzipped")],
    case: Annotated[str, typer.Option(help="the column that names the case")] = "case:concept:name",
    activity: Annotated[str, typer.Option(help="the column that says what happened")] = "concept:name",
    at: Annotated[str, typer.Option(help="the column that says when")] = "time:timestamp",
    deadline: Annotated[str | None, typer.Option(help="the column with the case's deadline")] = None,
    end: Annotated[str | None, typer.Option(help="the column with the end that is stated of a case")] = None,
    start: Annotated[str | None, typer.Option(help="the column that says when work on the activity began")] = None,
    zone: Annotated[str, typer.Option(help="time zone of times without an offset, and of --hours")] = "UTC",
    hours: Annotated[
        str | None, typer.Option(help="working hours of Monday to Friday, such as 8-18; bottlenecks then count these")
    ] = None,
    targets: Annotated[
        Path | None, typer.Option(help="a file with activity, next_activity, target_hours, waits_for")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="so many rows of each table; --json has all")] = _MOST,
    as_json: AsJson = False,
) -> None:
    """Where the time goes in a log: throughput, what follows what, rework, variants, bottlenecks, deadlines.

    The same SQL as customers' journeys. Events of one moment keep the file's order. Bottlenecks rank by the time above
    the target, all cases together; what waits for a customer or for a period laid down stands apart from work.

    Example: `scrm process tickets.csv --case ticket --activity state --at changed_at --deadline due_at --hours 8-18`

    Exit codes: 0 done, 1 the file does not hold, 2 wrong usage.
    """
    from pipelines.event_logs import read_log, targets_of
    from pipelines.process import analyse

    log = read_log(file, case, activity, at, _zone(zone), deadline, end, start)
    if log.left_out:
        console.print(f"{log.left_out:,} rows without case, activity or time are left out")
    given = None if targets is None else targets_of(targets)
    found = analyse(log, Settings().home / "scratch" / "process", given, _hours(hours))
    shown = _shown(found, has_start=start is not None, has_deadline=deadline is not None)
    answer: dict[str, object] = {name: frame.to_dicts() for name, frame in shown.items()}
    answer |= {"activities_count": found.rework.height, "left_out": log.left_out}
    table = Group(*(_table(name, frame.drop(_ASIDE, strict=False).head(top)) for name, frame in shown.items()))
    emit(answer, as_json=as_json, table=table)


def _shown(found: "ProcessFigures", *, has_start: bool, has_deadline: bool) -> dict[str, pl.DataFrame]:
    """The tables of an answer in their order, without those that were not asked for."""
    tables = {
        "throughput": found.throughput,
        "working_time": found.working,
        "bottlenecks": found.bottlenecks,
        "edges": found.edges,
        "waiting": found.waiting if has_start else None,
        "work": found.work if has_start else None,
        "rework": found.rework,
        "variants": found.variants.drop("variant"),
        "starts_and_ends": found.ends,
        "deadlines": found.deadlines if has_deadline else None,
    }
    return {name: frame for name, frame in tables.items() if frame is not None}


def _table(name: str, frame: pl.DataFrame) -> RenderableType:
    """Seconds as days, shares in percent, a path as one text."""
    days = [column for column in frame.columns if column.endswith("_seconds")]
    shown = frame.with_columns((pl.col(column) / _DAY).round(4).alias(column) for column in days)
    if "share" in frame.columns:
        shown = shown.with_columns((pl.col("share") * 100).round(2))
    if "path" in frame.columns:
        shown = shown.with_columns(pl.col("path").list.join(" → "))
    labels = [
        column.removesuffix("_seconds") + " days" if column in days else "share %" if column == "share" else column
        for column in frame.columns
    ]
    rows = [["" if cell is None else cell for cell in row] for row in shown.iter_rows()]
    return rows_table(name.replace("_", " "), [label.replace("_", " ") for label in labels], rows)


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(f"{name} is no IANA time zone such as Asia/Shanghai", param_hint="--zone") from None


def _hours(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    opens, _, closes = text.partition("-")
    if not (opens.isdecimal() and closes.isdecimal() and 0 <= int(opens) < int(closes) <= 24):
        fail("--hours: two whole hours such as 8-18", code=2)
    return int(opens), int(closes)
