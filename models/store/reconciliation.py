"""What people decided about differences of reconciliation, and what was taken back; nothing is changed or removed.

A decision names the difference (``item_id``) and says what it was at that time: class, currency and amount. When a
later bill makes another difference of it, the decision no longer speaks of it.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from models.contracts.landed.reconciliation import RECONCILIATION_DECISIONS
from models.errors import ExpectedError
from models.store.database import Database
from models.store.tables import reconciliation_decisions

#: Columns of the ledger's frames: those of the contract, then ``seq``.
DTYPES: dict[str, pl.DataType] = {**RECONCILIATION_DECISIONS.dtypes, "seq": pl.Int64()}
ACCEPT, ADJUST, DISPUTE, UNDO = "accept", "adjust", "dispute", "undo"
VERDICTS = (ACCEPT, ADJUST, DISPUTE)


class DifferenceRefusedError(ExpectedError):
    """A decision that says nothing, or takes back what is not in force; the message says why."""


@dataclass(frozen=True)
class Difference:
    """What is decided upon, as the worklist shows it; ``amount`` in minor units, None between two currencies."""

    item_id: str
    class_: str
    currency: str
    amount: int | None


class ReconciliationDecisions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(self, verdict: str, difference: Difference, *, reason: str, author: str, at: datetime) -> int:
        """Record what becomes of a difference: ``accept``, ``adjust`` or ``dispute``. Returns the decision's number.

        ``at`` is naive UTC. Of decisions on one difference the newest that was not taken back holds. Raises
        DifferenceRefusedError without a reason or an author.
        """
        if verdict not in VERDICTS:
            raise DifferenceRefusedError(f"verdict {verdict!r}: a decision is {', '.join(VERDICTS)}")
        values: dict[str, object] = {
            "verdict": verdict,
            "item_id": difference.item_id,
            "class": difference.class_,
            "currency": difference.currency,
            "difference_amount": difference.amount,
        }
        with self._database.writing() as connection:
            return _insert(connection, values, reason, author, at)

    def undo(self, decision: int, *, reason: str, author: str, at: datetime) -> int:
        """Take a decision back; to return to it, decide again. Returns the undo's number.

        Raises DifferenceRefusedError for a number that is not there, is an undo, or was taken back before.
        """
        with self._database.writing() as connection:
            ledger = _frame(connection, _all())
            if decision not in set(ledger.filter(pl.col("verdict") != UNDO)["seq"]):
                raise DifferenceRefusedError(f"there is no decision {decision}")
            if str(decision) in set(ledger["undoes"]):
                raise DifferenceRefusedError(f"decision {decision} was taken back before; decide again")
            return _insert(connection, {"verdict": UNDO, "undoes": decision}, reason, author, at)

    def head(self) -> int:
        """The newest sequence number; 0 in an empty ledger."""
        with self._database.reading() as connection:
            newest = sa.select(sa.func.coalesce(sa.func.max(reconciliation_decisions.c.seq), 0))
            return connection.execute(newest).scalar_one()

    def rows_after(self, seq: int) -> pl.DataFrame:
        """Decisions recorded after a sequence number, in order: the columns of the contract, then ``seq``."""
        with self._database.reading() as connection:
            return _frame(connection, _all().where(reconciliation_decisions.c.seq > seq))

    def in_force(self) -> pl.DataFrame:
        """Decisions that hold: not taken back, the newest on each difference; in the ledger's columns."""
        return in_force(self.rows_after(0))


def in_force(ledger: pl.DataFrame) -> pl.DataFrame:
    """Of a ledger the decisions that hold, in order."""
    undone = ledger["undoes"].drop_nulls().implode()
    standing = ledger.filter((pl.col("verdict") != UNDO) & ~pl.col("decision_id").is_in(undone))
    return standing.sort("seq").unique("item_id", keep="last", maintain_order=True)


def _insert(connection: sa.Connection, values: dict[str, object], reason: str, author: str, at: datetime) -> int:
    if not reason.strip() or not author.strip():
        raise DifferenceRefusedError("a decision needs a reason and an author")
    row = {**values, "reason": reason.strip(), "author": author, "decided_at": at}
    key = connection.execute(sa.insert(reconciliation_decisions).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _all() -> sa.Select:
    table = reconciliation_decisions
    columns = (table.c[name] for name in RECONCILIATION_DECISIONS.dtypes if name != "decision_id")
    number = sa.cast(table.c.seq, sa.Text).label("decision_id")
    return sa.select(number, *columns, table.c.seq).order_by(table.c.seq)


def _frame(connection: sa.Connection, statement: sa.Select) -> pl.DataFrame:
    rows = [dict(row._mapping) for row in connection.execute(statement)]
    texts = [{**row, "undoes": None if row["undoes"] is None else str(row["undoes"])} for row in rows]
    return pl.DataFrame(texts, schema=DTYPES, orient="row")
