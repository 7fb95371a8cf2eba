"""The life of a closed statement: issued, sent, confirmed or disputed, paid or collected; only added to.

A step is refused when the one before does not lead to it. Amounts are minor units of the statement's currency; days are
civil days of the company.
"""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from models.contracts.landed.statements import EVENTS, STATEMENT_EVENTS
from models.errors import ExpectedError
from models.money import display
from models.store.database import Database
from models.store.tables import statement_events

#: Columns of the ledger's frames: those of the contract, then ``seq``.
DTYPES: dict[str, pl.DataType] = {**STATEMENT_EVENTS.dtypes, "seq": pl.Int64()}
MONEY = ("paid", "collected")
#: step → the steps that may come after it; ``closed`` is where a statement begins
NEXT: dict[str, tuple[str, ...]] = {
    "closed": ("issued",),
    "issued": ("sent",),
    "sent": ("confirmed", "disputed"),
    "disputed": ("sent", "confirmed"),
    "confirmed": MONEY,
    "paid": ("paid",),
    "collected": ("collected",),
}


class StepRefusedError(ExpectedError):
    """A step that does not follow, or an amount that the statement does not hold; the message says what would."""


@dataclass(frozen=True)
class StatementKey:
    """Which statement: its period's label, the party, the currency."""

    period: str
    party_id: str
    currency: str

    def __str__(self) -> str:
        return f"{self.period} of {self.party_id} in {self.currency}"


class StatementEvents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(
        self,
        key: StatementKey,
        event: str,
        *,
        due: int,
        actor: str,
        happened_on: date,
        at: datetime,
        amount: int | None = None,
        reason: str = "",
    ) -> int:
        """Record a step. ``due``: the statement's closing balance. Returns the step's number; ``at`` is naive UTC.

        Raises StepRefusedError for a step that does not follow, a dispute without a reason, an amount above what is
        still due, and for an amount on any other step than paid and collected.
        """
        if event not in EVENTS:
            raise StepRefusedError(f"{event!r} is no step of a statement; write one of {', '.join(EVENTS)}")
        if event == "disputed" and not reason.strip():
            raise StepRefusedError("a dispute needs a reason: what is wrong with the statement")
        if (amount is not None) != (event in MONEY):
            raise StepRefusedError(f"an amount belongs to {' and '.join(MONEY)}, and only to them")
        with self._database.writing() as connection:
            steps = _frame(connection, _all().where(*_of(key)))
            state = str(steps["event"][-1]) if steps.height else "closed"
            if event not in NEXT[state]:
                raise StepRefusedError(
                    f"the statement {key} is {state}; after that it can be {' or '.join(NEXT[state])}, not {event}"
                )
            if amount is not None:
                _within(key, event, amount, due, int(steps["amount"].sum()))
            row = {
                "event": event,
                "period": key.period,
                "party_id": key.party_id,
                "currency": key.currency,
                "amount": amount,
                "happened_on": happened_on,
                "reason": reason.strip() or None,
                "actor": actor,
                "recorded_at": at,
            }
            inserted = connection.execute(sa.insert(statement_events).values(row)).inserted_primary_key
            assert inserted is not None
            return int(inserted[0])

    def steps(self, key: StatementKey) -> pl.DataFrame:
        """The steps of a statement, in order: the columns of the contract, then ``seq``."""
        with self._database.reading() as connection:
            return _frame(connection, _all().where(*_of(key)))

    def head(self) -> int:
        """The newest sequence number; 0 in an empty ledger."""
        with self._database.reading() as connection:
            newest = sa.select(sa.func.coalesce(sa.func.max(statement_events.c.seq), 0))
            return connection.execute(newest).scalar_one()

    def rows_after(self, seq: int) -> pl.DataFrame:
        """Steps recorded after a sequence number, in order."""
        with self._database.reading() as connection:
            return _frame(connection, _all().where(statement_events.c.seq > seq))


def _within(key: StatementKey, event: str, amount: int, due: int, moved: int) -> None:
    """What is paid goes against a balance above zero, what is collected against one below, neither beyond it."""
    if amount <= 0:
        raise StepRefusedError("an amount paid or collected is above zero")
    left = (due if event == "paid" else -due) - moved
    if amount > left:
        shown = display(max(left, 0), key.currency)
        raise StepRefusedError(
            f"{display(amount, key.currency)} is more than can be {event} on the statement {key}: {shown} is left"
        )


def _of(key: StatementKey) -> tuple[sa.ColumnElement[bool], ...]:
    table = statement_events.c
    return table.period == key.period, table.party_id == key.party_id, table.currency == key.currency


def _all() -> sa.Select:
    columns = (statement_events.c[name] for name in STATEMENT_EVENTS.dtypes if name != "event_id")
    number = sa.cast(statement_events.c.seq, sa.Text).label("event_id")
    return sa.select(number, *columns, statement_events.c.seq).order_by(statement_events.c.seq)


def _frame(connection: sa.Connection, statement: sa.Select) -> pl.DataFrame:
    rows = [dict(row._mapping) for row in connection.execute(statement)]
    return pl.DataFrame(rows, schema=DTYPES, orient="row")
