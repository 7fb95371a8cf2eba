"""What people decided about who is who: the same, not the same, and what was taken back; nothing is changed or removed.

A decision names two anchors, each an identifier type and a value as records state it (``phone``, ``+8613912345678``);
the type ``record`` stands for a record itself (``orders:S1:T9``). It never names customers: their ids may change.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from models.contracts.landed.identity import IDENTITY_DECISIONS
from models.errors import ExpectedError
from models.identity.decisions import in_force
from models.store.database import Database
from models.store.tables import identity_decisions

#: Columns of the ledger's frames: those of the contract, then ``seq``.
DTYPES: dict[str, pl.DataType] = {**IDENTITY_DECISIONS.dtypes, "seq": pl.Int64()}
SAME, NOT_SAME, UNDO = "same", "not_same", "undo"


class DecisionRefusedError(ExpectedError):
    """A decision that says nothing, or takes back what is not in force; the message says why."""


@dataclass(frozen=True)
class Anchor:
    """One side of a decision: an identifier as records state it, or a record (``type`` is ``record``)."""

    type: str
    identifier: str


class IdentityDecisions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(self, verdict: str, left: Anchor, right: Anchor, *, reason: str, author: str, at: datetime) -> int:
        """Record that two anchors are one person (``same``) or are not (``not_same``). Returns the decision's number.

        ``at`` is naive UTC. Of decisions on the same two anchors the newest that is in force holds. Raises
        DecisionRefusedError without a reason or an author, and for an anchor that is empty or on both sides.
        """
        if verdict not in (SAME, NOT_SAME):
            raise DecisionRefusedError(f"verdict {verdict!r}: a decision is `same` or `not_same`")
        if not all(part.strip() for part in (left.type, left.identifier, right.type, right.identifier)):
            raise DecisionRefusedError("a decision names two people, each by an identifier or a record")
        if left == right:
            raise DecisionRefusedError(f"{left.type}:{left.identifier} stands on both sides; name two")
        sides = {
            "left_type": left.type,
            "left_identifier": left.identifier,
            "right_type": right.type,
            "right_identifier": right.identifier,
        }
        with self._database.writing() as connection:
            return _insert(connection, {"verdict": verdict, **sides}, reason, author, at)

    def undo(self, decision: int, *, reason: str, author: str, at: datetime) -> int:
        """Take a decision back, or an undo (then what it took back is in force again). Returns the undo's number.

        Raises DecisionRefusedError for a number that is not there or was taken back before.
        """
        with self._database.writing() as connection:
            ledger = _frame(connection, _all())
            if decision not in set(ledger["seq"]):
                raise DecisionRefusedError(f"there is no decision {decision}")
            if decision not in set(in_force(ledger, with_undos=True)["seq"]):
                by = ledger.filter(pl.col("undoes") == str(decision))["decision_id"][-1]
                raise DecisionRefusedError(f"decision {decision} was taken back by {by}; undo {by} instead")
            return _insert(connection, {"verdict": UNDO, "undoes": decision}, reason, author, at)

    def head(self) -> int:
        """The newest sequence number; 0 in an empty ledger."""
        with self._database.reading() as connection:
            newest = sa.select(sa.func.coalesce(sa.func.max(identity_decisions.c.seq), 0))
            return connection.execute(newest).scalar_one()

    def rows_after(self, seq: int) -> pl.DataFrame:
        """Decisions recorded after a sequence number, in order: the columns of the contract, then ``seq``."""
        with self._database.reading() as connection:
            return _frame(connection, _all().where(identity_decisions.c.seq > seq))

    def in_force(self) -> pl.DataFrame:
        """``same`` and ``not_same`` decisions that hold: not taken back, the newest on each pair of anchors."""
        return in_force(self.rows_after(0))


def _insert(connection: sa.Connection, values: dict[str, object], reason: str, author: str, at: datetime) -> int:
    if not reason.strip() or not author.strip():
        raise DecisionRefusedError("a decision needs a reason and an author")
    row = {**values, "reason": reason.strip(), "author": author, "decided_at": at}
    key = connection.execute(sa.insert(identity_decisions).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _all() -> sa.Select:
    columns = (identity_decisions.c[name] for name in IDENTITY_DECISIONS.dtypes if name != "decision_id")
    number = sa.cast(identity_decisions.c.seq, sa.Text).label("decision_id")
    return sa.select(number, *columns, identity_decisions.c.seq).order_by(identity_decisions.c.seq)


def _frame(connection: sa.Connection, statement: sa.Select) -> pl.DataFrame:
    rows = [dict(row._mapping) for row in connection.execute(statement)]
    texts = [{**row, "undoes": None if row["undoes"] is None else str(row["undoes"])} for row in rows]
    return pl.DataFrame(texts, schema=DTYPES, orient="row")
