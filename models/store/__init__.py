"""The store: what people write. Consents, the do-not-contact list and the audit of exports so far.

``Store.open(settings.store_address)`` creates the file or brings it up to date, then gives one small object per
subject. Everything in it lands in the lake by sequence number; nothing is deleted when consumed.
"""

from types import TracebackType
from typing import Self

from models.store.consents import ConsentLedger
from models.store.database import Database, StoreError, open_database
from models.store.exports import ExportAudit, ExportedFile, LedgerMovedError, LedgerPosition
from models.store.suppressions import SuppressionList

__all__ = [
    "ConsentLedger",
    "ExportAudit",
    "ExportedFile",
    "LedgerMovedError",
    "LedgerPosition",
    "Store",
    "StoreError",
    "SuppressionList",
]


class Store:
    """Thread-safe; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.consents = ConsentLedger(database)
        self.suppressions = SuppressionList(database)
        self.exports = ExportAudit(database)

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
