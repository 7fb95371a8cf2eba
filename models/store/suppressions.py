"""The do-not-contact list: identifiers that get nothing on a channel, whatever they once agreed to."""

from datetime import datetime

import polars as pl
import sqlalchemy as sa

from models.store.database import Database
from models.store.tables import suppressions

DTYPES: dict[str, pl.DataType] = {
    "identifier_type": pl.String(),
    "identifier": pl.String(),
    "channel": pl.String(),
    "reason": pl.String(),
    "added_at": pl.Datetime("us"),
}


class SuppressionList:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, identifier_type: str, identifier: str, channel: str, reason: str, at: datetime) -> bool:
        """Put an identifier on the list for a channel (or ``any``) from now on; False when it is on it already."""
        with self._database.writing() as connection:
            if connection.execute(_active().where(*_same(identifier_type, identifier, channel)).limit(1)).first():
                return False
            connection.execute(
                sa.insert(suppressions).values(
                    identifier_type=identifier_type,
                    identifier=identifier,
                    channel=channel,
                    reason=reason,
                    added_at=at,
                )
            )
        return True

    def lift(self, identifier_type: str, identifier: str, channel: str, at: datetime) -> bool:
        """Take an identifier off the list for exactly this channel; the row stays with its ``lifted_at``.

        Returns False when it was not on the list.
        """
        statement = (
            sa.update(suppressions)
            .where(suppressions.c.lifted_at.is_(None), *_same(identifier_type, identifier, channel))
            .values(lifted_at=at)
        )
        with self._database.writing() as connection:
            return connection.execute(statement).rowcount > 0

    def active(self) -> pl.DataFrame:
        """What is on the list: identifier_type, identifier, channel, reason, added_at (naive UTC)."""
        with self._database.reading() as connection:
            rows = connection.execute(_active().order_by(suppressions.c.seq)).all()
        return pl.DataFrame([tuple(row) for row in rows], schema=DTYPES, orient="row")


def _active() -> sa.Select:
    return sa.select(*(suppressions.c[name] for name in DTYPES)).where(suppressions.c.lifted_at.is_(None))


def _same(identifier_type: str, identifier: str, channel: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        suppressions.c.identifier_type == identifier_type,
        suppressions.c.identifier == identifier,
        suppressions.c.channel == channel,
    )
