"""The audit: who did what to whom, when, and what was refused. Rows are added, never changed or removed."""

import json
from collections.abc import Mapping
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from models.store.database import Database
from models.store.tables import audit

DTYPES: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "at": pl.Datetime("us"),
    "user_id": pl.String(),
    "action": pl.String(),
    "object_type": pl.String(),
    "object_id": pl.String(),
    "details": pl.String(),
}


class AuditTrail:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        user_id: str | None,
        action: str,
        object_type: str,
        object_id: str,
        details: Mapping[str, object],
        at: datetime,
    ) -> None:
        """Add one row. ``user_id`` None: nobody was signed in; ``details`` is kept as JSON, without personal values."""
        with self._database.writing() as connection:
            write(connection, user_id, action, object_type, object_id, details, at)

    def newest(self, limit: int = 200) -> pl.DataFrame:
        """The newest rows first: seq, at (naive UTC), user_id, action, object_type, object_id, details (JSON text)."""
        statement = sa.select(*(audit.c[name] for name in DTYPES)).order_by(audit.c.seq.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return pl.DataFrame(
            [(*row[:-1], json.dumps(row[-1], ensure_ascii=False, sort_keys=True)) for row in rows],
            schema=DTYPES,
            orient="row",
        )

    def count_since(self, action: str, object_id: str, since: datetime) -> int:
        """How often an act on an object was recorded after a moment (naive UTC)."""
        statement = sa.select(sa.func.count()).where(
            audit.c.action == action, audit.c.object_id == object_id, audit.c.at > since
        )
        with self._database.reading() as connection:
            return int(connection.execute(statement).scalar_one())


def write(
    connection: sa.Connection,
    user_id: str | None,
    action: str,
    object_type: str,
    object_id: str,
    details: Mapping[str, object],
    at: datetime,
) -> None:
    """Add one row in the caller's transaction, so that an act and its record stand or fall together."""
    connection.execute(
        sa.insert(audit).values(
            at=at,
            user_id=user_id,
            action=action,
            object_type=object_type,
            object_id=object_id,
            details=dict(details),
        )
    )
