"""The consents ledger: every decision ever recorded, in the order of recording; nothing is changed or removed."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from models.contracts import ROW_COLUMN
from models.contracts.landed.files import CONSENTS
from models.identifiers import phones_e164
from models.store.database import Database
from models.store.tables import consents

_COLUMNS = tuple(CONSENTS.dtypes)

CURRENT_DTYPES: dict[str, pl.DataType] = {
    name: CONSENTS.dtypes[name] for name in ("identifier_type", "identifier", "channel", "state", "decided_at")
}


class ConsentLedger:
    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self, frame: pl.DataFrame, batch: str, recorded_at: datetime | None = None, phone_region: str = "CN"
    ) -> int:
        """Record a batch of decisions, whole or not at all; returns the rows added, 0 when the batch is there already.

        ``frame`` has the columns of the CONSENTS contract and ``_row`` (position in the batch); validated before.
        Phones are recorded as E.164 (``phone_region`` for those without a country), because permission is looked up by
        equality; what is no phone number stays as it came. ``recorded_at`` is naive UTC; None: now.
        Raises KeyError when a required column is missing, sqlalchemy IntegrityError when a position comes twice.
        """
        rows = _rows(frame, batch, recorded_at or _now(), phone_region)
        if not rows:
            return 0
        with self._database.writing() as connection:
            if connection.execute(sa.select(consents.c.seq).where(consents.c.batch == batch).limit(1)).first():
                return 0
            connection.execute(sa.insert(consents), rows)
        return len(rows)

    def head(self) -> int:
        """The newest sequence number; 0 in an empty ledger."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(sa.func.coalesce(sa.func.max(consents.c.seq), 0))).scalar_one()

    def rows_after(self, seq: int) -> pl.DataFrame:
        """Decisions recorded after a sequence number, in order: the columns of the CONSENTS contract, then ``seq``.

        SQLite commits one writer after the other, so a number that is read is never followed by a smaller one.
        """
        statement = (
            sa.select(*(consents.c[name] for name in _COLUMNS), consents.c.seq)
            .where(consents.c.seq > seq)
            .order_by(consents.c.seq)
        )
        return self._frame(statement, {**CONSENTS.dtypes, "seq": pl.Int64()})

    def current(self, purpose: str, now: datetime | None = None) -> pl.DataFrame:
        """The live state: one row per (identifier_type, identifier, channel) with state and decided_at (naive UTC).

        The newest decision wins, a tie goes to withdrawn. A grant dated after ``now`` (naive UTC; None: the clock's)
        does not count yet, so that a wrong date in a file cannot outvote a later withdrawal; a
        withdrawal counts at once.
        """
        withdrawn_first = sa.case((consents.c.state == "withdrawn", 0), else_=1)
        ranked = (
            sa.select(
                *(consents.c[name] for name in CURRENT_DTYPES),
                sa.func.row_number()
                .over(
                    partition_by=(consents.c.identifier_type, consents.c.identifier, consents.c.channel),
                    order_by=(consents.c.decided_at.desc(), withdrawn_first),
                )
                .label("place"),
            )
            .where(consents.c.purpose == purpose)
            .where(sa.or_(consents.c.state == "withdrawn", consents.c.decided_at <= (now or _now())))
            .subquery()
        )
        statement = (
            sa.select(*(ranked.c[name] for name in CURRENT_DTYPES))
            .where(ranked.c.place == 1)
            .order_by(ranked.c.identifier_type, ranked.c.identifier, ranked.c.channel)
        )
        return self._frame(statement, CURRENT_DTYPES)

    def _frame(self, statement: sa.Select, dtypes: dict[str, pl.DataType]) -> pl.DataFrame:
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return pl.DataFrame([tuple(row) for row in rows], schema=dtypes, orient="row")


def _rows(frame: pl.DataFrame, batch: str, recorded_at: datetime, phone_region: str) -> list[dict[str, Any]]:
    decisions = CONSENTS.conform(frame).select(_COLUMNS)
    number = phones_e164(decisions["identifier"].rename("number"), phone_region)
    is_phone = pl.col("identifier_type") == "phone"
    return decisions.with_columns(
        pl.when(is_phone).then(pl.coalesce(number, "identifier")).otherwise("identifier").alias("identifier"),
        frame.get_column(ROW_COLUMN).alias("position"),
        pl.lit(batch).alias("batch"),
        pl.lit(recorded_at, dtype=pl.Datetime("us")).alias("recorded_at"),
    ).to_dicts()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
