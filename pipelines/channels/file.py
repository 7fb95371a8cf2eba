"""An audience as a file: CSV and XLSX, only people who may be contacted, formulas neutralised, every file audited.

Order of work: select, write under a temporary name, fsync, hash, write the audit, rename. The audit is refused when
somebody withdrew in between; then everything is done again. So there is no file without its line in the audit, and
nobody in a file who had withdrawn before that line was written. A line without a file is an export that died.
"""

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import xlsxwriter

from models.audiences.selection import Selection, select
from models.documents.audience import AudienceDocument
from models.errors import ExpectedError
from models.files import file_sha256, fsync_file, fsync_folder
from models.formulas import neutralised
from models.killpoints import killpoint
from models.serving import Snapshot, Snapshots, Viewer
from models.store import ExportedFile, LedgerMovedError, Store

ATTEMPTS = 5
UNFINISHED = ".writing"
ABANDONED_SECONDS = 3600  # a writer needs seconds; what is older holds personal data of an export that died
XLSX_ROWS = 1_048_576  # with the header
XLSX_TEXT = 32_767
# Excel takes 1900 for a leap year: earlier days cannot be dates in a workbook.
XLSX_FIRST_DAY = date(1900, 3, 1)


class ExportError(ExpectedError):
    """The export was not made; the message says why and what to do."""


@dataclass(frozen=True)
class ExportFile:
    """One file that was handed out. ``path`` is absolute; ``rows`` without the header."""

    path: Path
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ExportReport:
    """``members`` meet the conditions, ``rows`` of them were exported, ``left_out`` counts the others by reason."""

    export_id: str
    audience: str
    audience_version: str
    publication: str
    members: int
    rows: int
    left_out: Mapping[str, int]
    files: tuple[ExportFile, ...]


def export_audience(
    document: AudienceDocument,
    *,
    source: Snapshots | Snapshot,
    store: Store,
    viewer: Viewer,
    folder: Path,
    now: datetime,
    zone: ZoneInfo,
    formats: Sequence[str] = ("csv", "xlsx"),
    export_id: str | None = None,
) -> ExportReport:
    """Write an audience to ``folder``, one file per format, named ``<audience>-<export id>.<format>``.

    ``now``: naive UTC. Times in the files are the company's civil time (``zone``). ``export_id``: None for a new one.
    Raises AudienceRefusedError for a viewer who may not see personal values, ExportError for an unknown format, a
    frame that does not fit into a workbook, or ledgers that never stand still.
    """
    unknown = [name for name in formats if name not in _WRITERS]
    if unknown or not formats:
        raise ExportError(f"unknown format {', '.join(unknown) or '(none)'}; known: {', '.join(_WRITERS)}")
    export_id = export_id or uuid.uuid4().hex
    if not export_id.isalnum():
        raise ExportError("an export id has letters and digits only, because files are named by it")
    snapshot = source.current() if isinstance(source, Snapshots) else source
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
    for _ in range(ATTEMPTS):
        selection = select(document, snapshot, store, viewer, now, zone)
        try:
            return _write_out(selection, store, viewer, folder, now, zone, tuple(dict.fromkeys(formats)), export_id)
        except LedgerMovedError:
            continue
    raise ExportError(f"consents changed during each of {ATTEMPTS} attempts; try again when the import is over")


def _write_out(
    selection: Selection,
    store: Store,
    viewer: Viewer,
    folder: Path,
    now: datetime,
    zone: ZoneInfo,
    formats: Sequence[str],
    export_id: str,
) -> ExportReport:
    document, kept = selection.document, selection.contactable
    frame = exported_frame(document, kept.kept, zone)
    stem = f"{document.name}-{export_id}"
    drafts = {suffix: folder / f".{stem}.{suffix}.{uuid.uuid4().hex}{UNFINISHED}" for suffix in formats}
    try:
        files = tuple(
            _written(frame, draft, folder / f"{stem}.{suffix}", _WRITERS[suffix]) for suffix, draft in drafts.items()
        )
        store.exports.record([_audit(selection, viewer, file, now, export_id) for file in files], selection.ledgers_at)
        killpoint("export.audited")
        for draft, file in zip(drafts.values(), files, strict=True):
            draft.replace(file.path)
            killpoint("export.placed")
        fsync_folder(folder)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return ExportReport(
        export_id=export_id,
        audience=document.name,
        audience_version=document.version,
        publication=selection.publication,
        members=selection.members,
        rows=frame.height,
        left_out=kept.left_out,
        files=files,
    )


def exported_frame(document: AudienceDocument, kept: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """What goes into the files: the document's columns; civil times; text that could be a formula neutralised."""
    frame = kept.select(document.exported)
    if "phone" in frame.columns and document.phone_format == "digits":
        frame = frame.with_columns(pl.col("phone").str.strip_prefix("+"))
    civil = [
        pl.col(name).dt.replace_time_zone("UTC").dt.convert_time_zone(zone.key).dt.replace_time_zone(None)
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime)
    ]
    return pl.DataFrame([neutralised(column) for column in frame.with_columns(civil).get_columns()])


def _audit(selection: Selection, viewer: Viewer, file: ExportFile, now: datetime, export_id: str) -> ExportedFile:
    document = selection.document
    return ExportedFile(
        export_id=export_id,
        file_name=file.path.name,
        file_sha256=file.sha256,
        audience=document.name,
        audience_version=document.version,
        requested_by=viewer.user_id,
        purpose=document.purpose,
        channel=document.channel,
        recipient=document.recipient,
        rows=file.rows,
        suppressed=dict(selection.contactable.left_out),
        publication=selection.publication,
        created_at=now,
    )


def _written(frame: pl.DataFrame, path: Path, target: Path, write: Callable[[pl.DataFrame, Path], None]) -> ExportFile:
    # Personal data: the file belongs to its owner alone from its first byte.
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    write(frame, path)
    fsync_file(path)
    killpoint("export.drafted")
    return ExportFile(target, frame.height, path.stat().st_size, file_sha256(path))


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    """RFC 4180 with CRLF; the byte order mark makes Excel read UTF-8; all text is quoted."""
    frame.write_csv(
        path,
        include_bom=True,
        line_terminator="\r\n",
        quote_style="non_numeric",
        datetime_format="%Y-%m-%d %H:%M:%S",
        date_format="%Y-%m-%d",
    )


def _write_xlsx(frame: pl.DataFrame, path: Path) -> None:
    if frame.height >= XLSX_ROWS:
        raise ExportError(f"{frame.height} rows do not fit into a workbook; export CSV, or set a limit")
    text = frame.select(pl.col(pl.String))
    if text.width and (text.select(pl.max_horizontal(pl.all().str.len_chars().max())).item() or 0) > XLSX_TEXT:
        raise ExportError(f"a text is longer than the {XLSX_TEXT} characters of a workbook's cell; export CSV")
    options = {
        "in_memory": True,  # otherwise rows pass through the system's temporary folder
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    workbook = xlsxwriter.Workbook(str(path), options)
    workbook.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - equal content, equal bytes
    formats: dict[type[pl.DataType], object] = {
        pl.Datetime: workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        pl.Date: workbook.add_format({"num_format": "yyyy-mm-dd"}),
    }
    sheet = workbook.add_worksheet("audience")
    for number, column in enumerate(frame.get_columns()):
        cells = _representable(column)
        sheet.write_string(0, number, cells.name)
        sheet.write_column(1, number, cells.to_list(), formats.get(cells.dtype.base_type()))
    workbook.close()


def _representable(column: pl.Series) -> pl.Series:
    """Days before a workbook's calendar begins turn the column into text like 1899-12-31."""
    if not column.dtype.is_temporal() or column.cast(pl.Date).filter(column.cast(pl.Date) < XLSX_FIRST_DAY).is_empty():
        return column
    return column.dt.to_string("%Y-%m-%d" if column.dtype == pl.Date else "%Y-%m-%d %H:%M:%S")


def _sweep(folder: Path) -> None:
    """Remove what dead exports left."""
    for path in folder.glob(f".*{UNFINISHED}"):
        with suppress(FileNotFoundError):  # another export swept it, or finished
            if time.time() - path.stat(follow_symlinks=False).st_mtime > ABANDONED_SECONDS:
                path.unlink()


_WRITERS: dict[str, Callable[[pl.DataFrame, Path], None]] = {"csv": _write_csv, "xlsx": _write_xlsx}
