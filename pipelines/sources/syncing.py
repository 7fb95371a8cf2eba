"""Streams into the lake: chunk by chunk, each with the position after it, so that a kill costs one chunk at most.

A stream that fails keeps what it committed and does not stop the others; nobody is told that it succeeded. Two syncs of
one account at a time would read everything twice: the second is refused by a lock that the kernel frees on death.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from filelock import FileLock, Timeout

from models.contracts import RAW_COLUMN
from models.errors import ExpectedError
from models.killpoints import killpoint
from pipelines.lake import Lake, content_key
from pipelines.sources.connections import Named, opened
from pipelines.sources.connector import Chunk, Connector, Context, Span, Stream
from pipelines.sources.http import TRANSIENT, SourceError
from pipelines.workspace import Workspace


class SyncError(ExpectedError):
    """Streams that failed, each with its words; what the others landed stays. ``transient``: coming back may help."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


@dataclass
class StreamReport:
    """What one sync did to one stream. ``rows`` = ``landed`` + ``quarantined`` + ``repeated`` (landed before)."""

    connection: str
    stream: str
    state: Literal["done", "failed"] = "done"
    rows: int = 0
    landed: int = 0
    quarantined: int = 0
    repeated: int = 0
    batches: int = 0
    bytes: int = 0
    requests: int = 0
    seconds: float = 0.0
    new_fields: list[str] = field(default_factory=list)
    unknown_values: dict[str, list[str]] = field(default_factory=dict)
    error: str = ""
    transient: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


OnChunk = Callable[[StreamReport], object]


def sync(
    workspace: Workspace,
    connections: Sequence[Named],
    until: datetime,
    *,
    streams: Sequence[str] = (),
    span: Span | None = None,
    on_chunk: OnChunk = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[StreamReport]:
    """Read every stream of the connections (or those named) up to ``until`` (aware UTC).

    Never raises for a stream or a connection that fails: its report says so. ``raise_failures`` turns reports into an
    error.
    """
    context = Context(workspace.lake, workspace.settings, sleep)
    return [
        report
        for connection in connections
        for report in _of_connection(context, connection, until, streams, span, on_chunk)
    ]


def raise_failures(reports: Sequence[StreamReport]) -> None:
    """Raises SyncError when a stream failed."""
    failed = [report for report in reports if report.state == "failed"]
    if failed:
        words = "; ".join(f"{report.connection}/{report.stream}: {report.error}" for report in failed)
        raise SyncError(words, transient=all(report.transient for report in failed))


def _of_connection(
    context: Context,
    connection: Named,
    until: datetime,
    wanted: Sequence[str],
    span: Span | None,
    on_chunk: OnChunk,
) -> Iterator[StreamReport]:
    try:
        with opened(connection, context) as connector, _alone(context, connector):
            connector.check()
            # a position must not pass the system's own clock: what it publishes later would be skipped
            until = min(until, connector.client.server_time or until)
            for stream in connector.streams():
                if not wanted or stream.name in wanted:
                    yield _of_stream(context.lake, connection.name, connector, stream, until, span, on_chunk)
    except ExpectedError as error:
        yield StreamReport(connection.name, "*", "failed", error=str(error), transient=isinstance(error, TRANSIENT))


def _of_stream(
    lake: Lake,
    name: str,
    connector: Connector,
    stream: Stream,
    until: datetime,
    span: Span | None,
    on_chunk: OnChunk,
) -> StreamReport:
    report = StreamReport(name, stream.name)
    requests, begun = connector.client.requests, time.monotonic()
    source = connector.source(stream.name)
    before = lake.cursor(source)
    known = _known_fields(lake, source)
    try:
        for chunk in stream.read(before, until, span):
            _count(report, chunk)
            new = sorted(chunk.fields - known)
            report.new_fields += new if known else []
            known |= chunk.fields
            if chunk.parts or not chunk.idle:
                report.bytes += _commit(lake, source, before, chunk, sorted(known) if new else None)
                report.batches += 1
                before = chunk.cursor
            on_chunk(report)
            killpoint("sync.chunk")
    except SourceError as error:
        report.state, report.error, report.transient = "failed", str(error), isinstance(error, TRANSIENT)
    report.requests = connector.client.requests - requests
    report.seconds = round(time.monotonic() - begun, 3)
    return report


def _count(report: StreamReport, chunk: Chunk) -> None:
    report.rows += chunk.accounting.rows
    report.landed += chunk.accounting.accepted
    report.quarantined += chunk.accounting.quarantined
    report.repeated += chunk.repeated
    for column, values in chunk.unknown.items():
        report.unknown_values[column] = sorted({*report.unknown_values.get(column, []), *values})


def _commit(lake: Lake, source: str, before: Mapping[str, Any] | None, chunk: Chunk, fields: list[str] | None) -> int:
    """Bytes written."""
    commit = lake.commit(
        source=source,
        key=content_key(
            source, _canonical(before), _canonical(chunk.cursor), _canonical(chunk.details), _digest(chunk)
        ),
        parts=chunk.parts,
        accounting=chunk.accounting,
        cursor=chunk.cursor,
        details={**chunk.details, **({"fields": fields} if fields else {})},
    )
    return sum(file.bytes for file in commit.entry.files)


def _canonical(position: Mapping[str, Any] | None) -> str:
    return json.dumps(position, ensure_ascii=False, sort_keys=True)


def _digest(chunk: Chunk) -> str:
    """Over the source records of a chunk: what makes two batches the same."""
    digest = hashlib.sha256()
    for part in chunk.parts:
        if part.frame is not None:
            raws = part.frame["raw" if part.zone == "quarantine" else RAW_COLUMN].drop_nulls().to_list()
            digest.update("\n".join([*raws, ""]).encode())
    return digest.hexdigest()


def _known_fields(lake: Lake, source: str) -> set[str]:
    """Top-level names that records of this stream have had."""
    return set(
        next(
            (e.details["fields"] for e in reversed(lake.entries()) if e.source == source and "fields" in e.details), ()
        )
    )


@contextmanager
def _alone(context: Context, connector: Connector) -> Iterator[None]:
    folder = context.settings.home / "syncing"
    folder.mkdir(parents=True, exist_ok=True)
    account = hashlib.sha256(connector.account.encode()).hexdigest()[:16]
    try:
        with FileLock(folder / f"{connector.system}-{account}.lock", blocking=False):
            yield
    except Timeout:
        raise SourceError("another process syncs this account now; wait for it") from None
