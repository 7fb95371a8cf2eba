"""How a version of the settlement rulebook is published: one person proposes it, another one approves it.

A proposal holds the whole text, so that what was approved is what was read. Going back to a version that was published
before needs nobody else: two people have agreed to it already. Only added to; days are civil days of the company.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from models.documents.settlement import SettlementDocument
from models.errors import ExpectedError
from models.store.database import Database
from models.store.tables import rulebook_events

PROPOSED, APPROVED, WITHDRAWN, ROLLED_BACK = "proposed", "approved", "withdrawn", "rolled_back"


class PublicationRefusedError(ExpectedError):
    """A step of publishing that does not follow; the message says why and what would."""


@dataclass(frozen=True)
class Proposal:
    """What somebody wants to publish: ``number`` is its place in the ledger, ``at`` naive UTC."""

    number: int
    version: str
    content: str
    effective_from: date
    reason: str
    proposed_by: str
    proposed_at: datetime

    @property
    def document(self) -> SettlementDocument:
        return SettlementDocument.parse(self.content, name=f"proposal {self.number}")


@dataclass(frozen=True)
class PublishedRulebook:
    """A version that was approved, or gone back to. ``number`` grows with each; who wrote it and who approved it."""

    number: int
    event: str
    version: str
    content: str
    effective_from: date
    reason: str
    written_by: str
    approved_by: str
    approved_at: datetime

    @property
    def document(self) -> SettlementDocument:
        return SettlementDocument.parse(self.content, name=f"published {self.version}")


class RulebookLedger:
    def __init__(self, database: Database) -> None:
        self._database = database

    def propose(
        self, document: SettlementDocument, content: str, *, effective_from: date, reason: str, actor: str, at: datetime
    ) -> Proposal:
        """Record a draft for approval; whoever calls has checked it. ``content`` is the text that says ``document``.

        Raises PublicationRefusedError when the same content waits already: approving it would name two days.
        """
        with self._database.writing() as connection:
            same = [one for one in _pending(_rows(connection)) if one.version == document.version]
            if same:
                raise PublicationRefusedError(
                    f"{document.version} is proposed from {same[0].effective_from} already and waits for a second "
                    "person; for another day withdraw it first"
                )
            number = _insert(connection, PROPOSED, document.version, effective_from, actor, at, reason, content=content)
            return next(one for one in _pending(_rows(connection)) if one.number == number)

    def approve(self, version: str, *, actor: str, at: datetime, reason: str = "") -> PublishedRulebook:
        """Publish what another person proposed; ``version``: the proposal's content hash, or how it begins.

        Raises PublicationRefusedError for one's own proposal, and when none or several wait.
        """
        with self._database.writing() as connection:
            proposal = _waiting(_rows(connection), version)
            if proposal.proposed_by == actor:
                raise PublicationRefusedError(
                    f"{actor} proposed {proposal.version}: a second person approves it, under their own name"
                )
            _settle(connection, APPROVED, proposal, actor, at, reason)
            return _published(_rows(connection))[-1]

    def withdraw(self, version: str, *, actor: str, at: datetime, reason: str) -> Proposal:
        """Take a proposal off the list, one's own or another's. Raises PublicationRefusedError without a reason."""
        if not reason.strip():
            raise PublicationRefusedError("say why it is withdrawn")
        with self._database.writing() as connection:
            proposal = _waiting(_rows(connection), version)
            _settle(connection, WITHDRAWN, proposal, actor, at, reason)
            return proposal

    def roll_back(
        self, document: SettlementDocument, content: str, *, effective_from: date, reason: str, actor: str, at: datetime
    ) -> PublishedRulebook:
        """Publish again what held before; whoever calls has found it.

        Raises PublicationRefusedError without a reason.
        """
        if not reason.strip():
            raise PublicationRefusedError("going back needs a reason: what was wrong")
        with self._database.writing() as connection:
            _insert(connection, ROLLED_BACK, document.version, effective_from, actor, at, reason, content=content)
            return _published(_rows(connection))[-1]

    def pending(self) -> list[Proposal]:
        """Proposals that wait for a second person, in order."""
        with self._database.reading() as connection:
            return _pending(_rows(connection))

    def published(self) -> list[PublishedRulebook]:
        """All that was ever published, in order."""
        with self._database.reading() as connection:
            return _published(_rows(connection))


def _waiting(rows: Sequence[sa.Row], version: str) -> Proposal:
    waiting = _pending(rows)
    found = [one for one in waiting if version and one.version.startswith(version)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{one.version} from {one.effective_from}" for one in waiting) or "nothing"
    raise PublicationRefusedError(f"{len(found)} proposals are {version!r}; what waits: {known}")


def _pending(rows: Sequence[sa.Row]) -> list[Proposal]:
    ended = {row.proposal for row in rows}
    return [
        Proposal(row.seq, row.version, row.content, row.effective_from, row.reason, row.actor, row.recorded_at)
        for row in rows
        if row.event == PROPOSED and row.seq not in ended
    ]


def _published(rows: Sequence[sa.Row]) -> list[PublishedRulebook]:
    of = {row.seq: row for row in rows}
    found = []
    for row in rows:
        if row.event not in (APPROVED, ROLLED_BACK):
            continue
        written = of[row.proposal] if row.event == APPROVED else row
        found.append(
            PublishedRulebook(
                *(row.seq, row.event, row.version, written.content, row.effective_from, row.reason or written.reason),
                *(written.actor, row.actor, row.recorded_at),
            )
        )
    return found


def _settle(connection: sa.Connection, event: str, proposal: Proposal, actor: str, at: datetime, reason: str) -> None:
    _insert(
        *(connection, event, proposal.version, proposal.effective_from, actor, at, reason), proposal=proposal.number
    )


def _insert(
    connection: sa.Connection,
    event: str,
    version: str,
    effective_from: date,
    actor: str,
    at: datetime,
    reason: str,
    *,
    content: str | None = None,
    proposal: int | None = None,
) -> int:
    row = {
        "event": event,
        "version": version,
        "effective_from": effective_from,
        "proposal": proposal,
        "content": content,
        "reason": reason.strip(),
        "actor": actor,
        "recorded_at": at,
    }
    key = connection.execute(sa.insert(rulebook_events).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _rows(connection: sa.Connection) -> Sequence[sa.Row]:
    return connection.execute(sa.select(rulebook_events).order_by(rulebook_events.c.seq)).all()
