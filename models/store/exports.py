"""The export audit: who took which audience out, when, for what, how many rows, who was left out and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from models.errors import ExpectedError
from models.store.audit import write
from models.store.database import Database, StoreError
from models.store.tables import consents, exports, suppressions


class LedgerMovedError(ExpectedError):
    """Somebody decided otherwise while an export was being prepared: what was prepared must not go out."""


@dataclass(frozen=True)
class LedgerPosition:
    """The newest row of what decides who may be contacted. Equal positions: nobody withdrew in between."""

    consents: int
    suppressions: int


@dataclass(frozen=True)
class ExportedFile:
    """One line of the audit. ``suppressed`` counts members left out by reason; ``created_at`` is naive UTC."""

    export_id: str
    file_name: str
    file_sha256: str
    audience: str
    audience_version: str
    requested_by: str
    purpose: str
    channel: str
    recipient: str
    rows: int
    suppressed: Mapping[str, int]
    publication: str
    created_at: datetime


class ExportAudit:
    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self) -> LedgerPosition:
        """Read before the ledgers are read; give it to ``record`` afterwards."""
        with self._database.reading() as connection:
            return _position(connection)

    def record(self, files: Sequence[ExportedFile], prepared_at: LedgerPosition) -> None:
        """Write the audit of an export, all files or none, provided that the ledgers still are where they were.

        Raises LedgerMovedError when a consent or a suppression came in since: read again, write the files again;
        StoreError when an export of this id is in the audit already.
        """
        with self._database.writing() as connection:
            if (now := _position(connection)) != prepared_at:
                raise LedgerMovedError(f"the consent ledgers moved from {prepared_at} to {now} during the export")
            try:
                connection.execute(sa.insert(exports), [asdict(file) for file in files])
            except sa.exc.IntegrityError as error:
                raise StoreError(f"export {files[0].export_id} was made before; nothing was written again") from error
            for file in files:
                details = {"file": file.file_name, "audience": file.audience, "rows": file.rows}
                write(connection, file.requested_by, "exported", "export", file.export_id, details, file.created_at)

    def rows(self) -> pl.DataFrame:
        """The whole audit, oldest first; one row per file, ``suppressed`` as JSON text."""
        with self._database.reading() as connection:
            found = connection.execute(
                sa.select(*exports.c).with_only_columns(
                    *(sa.cast(c, sa.Text).label(c.name) if c.name == "suppressed" else c for c in exports.c)
                )
            ).all()
        return pl.DataFrame([tuple(row) for row in found], schema=_DTYPES, orient="row")


_DTYPES: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "export_id": pl.String(),
    "file_name": pl.String(),
    "file_sha256": pl.String(),
    "audience": pl.String(),
    "audience_version": pl.String(),
    "requested_by": pl.String(),
    "purpose": pl.String(),
    "channel": pl.String(),
    "recipient": pl.String(),
    "rows": pl.Int64(),
    "suppressed": pl.String(),
    "publication": pl.String(),
    "created_at": pl.Datetime("us"),
}


def _position(connection: sa.Connection) -> LedgerPosition:
    newest = sa.select(
        sa.select(sa.func.coalesce(sa.func.max(consents.c.seq), 0)).scalar_subquery(),
        sa.select(sa.func.coalesce(sa.func.max(suppressions.c.seq), 0)).scalar_subquery(),
    )
    row = connection.execute(newest).one()
    return LedgerPosition(row[0], row[1])
