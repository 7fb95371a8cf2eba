"""The store: what people write. Consents, the do-not-contact list, decisions on who is who and on differences of
reconciliation, steps of statements, published rulebooks, exports, users and their sessions, jobs, the audit.

``Store.open(settings.store_address)`` creates the file or brings it up to date, then gives one small object per
subject. Everything in it lands in the lake by sequence number; nothing is deleted when consumed.
"""

from types import TracebackType
from typing import Self

from models.store.audit import AuditTrail
from models.store.consents import ConsentLedger
from models.store.database import Database, StoreError, open_database
from models.store.exports import ExportAudit, ExportedFile, LedgerMovedError, LedgerPosition
from models.store.identity_decisions import Anchor, DecisionRefusedError, IdentityDecisions
from models.store.jobs import Job, JobLostError, JobQueue, JobRefusedError
from models.store.reconciliation import DifferenceRefusedError, ReconciliationDecisions
from models.store.rulebooks import Proposal, PublicationRefusedError, PublishedRulebook, RulebookLedger
from models.store.sessions import Session, SessionLedger
from models.store.statements import StatementEvents, StatementKey, StepRefusedError
from models.store.suppressions import SuppressionList
from models.store.users import Scope, User, UserDirectory

__all__ = [
    "Anchor",
    "AuditTrail",
    "ConsentLedger",
    "DecisionRefusedError",
    "DifferenceRefusedError",
    "ExportAudit",
    "ExportedFile",
    "IdentityDecisions",
    "Job",
    "JobLostError",
    "JobQueue",
    "JobRefusedError",
    "LedgerMovedError",
    "LedgerPosition",
    "Proposal",
    "PublicationRefusedError",
    "PublishedRulebook",
    "ReconciliationDecisions",
    "RulebookLedger",
    "Scope",
    "Session",
    "SessionLedger",
    "StatementEvents",
    "StatementKey",
    "StepRefusedError",
    "Store",
    "StoreError",
    "SuppressionList",
    "User",
    "UserDirectory",
]


class Store:
    """Thread-safe; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.consents = ConsentLedger(database)
        self.suppressions = SuppressionList(database)
        self.identity_decisions = IdentityDecisions(database)
        self.statements = StatementEvents(database)
        self.reconciliation_decisions = ReconciliationDecisions(database)
        self.rulebooks = RulebookLedger(database)
        self.exports = ExportAudit(database)
        self.jobs = JobQueue(database)
        self.users = UserDirectory(database)
        self.sessions = SessionLedger(database)
        self.audit = AuditTrail(database)

    @classmethod
    def open(cls, address: str) -> Self:
        """Open the store at a SQLAlchemy URL (``settings.store_address``). Raises StoreError."""
        return cls(open_database(address))

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
