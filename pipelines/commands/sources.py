"""``scrm sync`` and ``scrm sources``: systems outside into the lake, and how they stand."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Group

from models.settings import Settings
from pipelines.commands.output import AsJson, console, emit, plain, rows_table
from pipelines.sources import connections, syncing
from pipelines.sources.connector import Context, Span
from pipelines.sources.http import SourceError
from pipelines.workspace import Workspace


def sync(
    names: Annotated[list[str] | None, typer.Argument(help="connections of the settings; default: all")] = None,
    stream: Annotated[list[str] | None, typer.Option(help="only these streams, such as trades")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", help="read this day and those after it again", formats=["%Y-%m-%d"])
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", help="the last day to read again", formats=["%Y-%m-%d"])
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(help="read up to this moment instead of now, for a sandbox", formats=["%Y-%m-%dT%H:%M:%S%z"]),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pull from systems outside; each stream goes on where its last committed batch ended.

    With --from and --to, days (of the company's civil time) are read once more; what has landed already is left, and
    positions stay as they are.

    Example: `scrm sync tmall --from 2026-06-01 --to 2026-06-30`

    Exit codes: 0 done, 1 a stream failed (what landed stays; run it again), 2 usage.
    """
    settings = Settings()
    chosen = connections.enabled(settings, names or [])
    if not chosen:
        console.print(plain("no connection is set: add [connections.<name>] to scrm.toml (docs/sources.md)"))
    span = days(settings, first, last)
    reports = syncing.sync(
        Workspace(settings), chosen, until or datetime.now(UTC), streams=stream or (), span=span,
        on_chunk=lambda _: None if as_json else console.print(".", end=""),
    )  # fmt: skip
    rows = [
        (r.connection, r.stream, r.state, r.landed, r.quarantined, r.repeated, r.requests, f"{r.seconds:.1f}")
        for r in reports
    ]
    columns = ("connection", "stream", "state", "landed", "rejected", "known", "calls", "s")
    notes = [plain(line) for report in reports for line in _notes(report)]
    table = Group(rows_table("Sync", columns, rows), *notes)
    emit({"streams": [report.as_dict() for report in reports]}, as_json=as_json, table=table)
    syncing.raise_failures(reports)


def days(settings: Settings, first: datetime | None, last: datetime | None) -> Span | None:
    """From the start of the first day to the end of the last, in the company's civil time; None without them.

    Raises typer.BadParameter when only one is given, and when there is no day between.
    """
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise typer.BadParameter("--from and --to go together")
    if last < first:
        raise typer.BadParameter(f"--to {last:%Y-%m-%d} is before --from {first:%Y-%m-%d}")
    start, end = (day.replace(tzinfo=settings.zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    return Span(start, end - timedelta(seconds=1))


def sources(
    check: Annotated[bool, typer.Option("--check", help="try each credential with one cheap call")] = False,
    as_json: AsJson = False,
) -> None:
    """Systems that can be connected, the connections of the settings, and how far each has been read.

    Example: `scrm sources --check`

    Exit codes: 0 done, 1 a credential failed its check.
    """
    settings = Settings()
    workspace = Workspace(settings)
    kinds = [
        {"system": system, "title": kind.title, "streams": list(kind.stream_datasets)}
        for system in connections.systems()
        for kind in [connections.connector_class(system)]
    ]
    found = [state for named in connections.enabled(settings) for state in _states(workspace, named, check)]
    tables = Group(
        rows_table("Systems", ("system", "name", "streams"), [
            (kind["system"], kind["title"], ", ".join(kind["streams"])) for kind in kinds
        ]),
        rows_table("Connections", ("connection", "stream", "through, UTC", "state", "words"), [
            (one["connection"], one["stream"], one["through"], one["state"], one["words"]) for one in found
        ]),
    )  # fmt: skip
    emit({"systems": kinds, "connections": found}, as_json=as_json, table=tables)
    if any(one["state"] == "error" for one in found):
        raise typer.Exit(1)


def _states(workspace: Workspace, named: connections.Named, check: bool) -> list[dict[str, str]]:
    context = Context(workspace.lake, workspace.settings)
    try:
        with connections.opened(named, context) as connector:
            state, words = "ok", ""
            if check:
                verdict = connector.check()
                state, words = verdict.state, f"{verdict.words}. {verdict.remedy}".strip(". ")
            return [
                {"connection": named.name, "stream": name, "through": _through(workspace, connector.source(name)),
                 "state": state, "words": "" if number else words}
                for number, name in enumerate(connector.stream_datasets)
            ]  # fmt: skip
    except (connections.BadConnectionError, SourceError) as error:
        return [{"connection": named.name, "stream": "*", "through": "", "state": "error", "words": str(error)}]


def _through(workspace: Workspace, source: str) -> str:
    cursor = workspace.lake.cursor(source)
    return "" if cursor is None else str(cursor.get("through") or "under way")[:16].replace("T", " ")


def _notes(report: syncing.StreamReport) -> list[str]:
    where = f"{report.connection}/{report.stream}"
    lines = [f"{where}: new fields in the records: {', '.join(report.new_fields)}"] if report.new_fields else []
    lines += [f"{where}: {column} has values not met before: {', '.join(values)}"
              for column, values in report.unknown_values.items()]  # fmt: skip
    return lines
