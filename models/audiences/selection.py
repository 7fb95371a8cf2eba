"""An audience at this moment: conditions on the published snapshot, permission from the live store."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from models.audiences.members import members
from models.audiences.suppression import PROFILING, Contactable, Ledgers, contactable
from models.documents.audience import AudienceDocument
from models.errors import ExpectedError
from models.serving import Snapshot, Viewer, run
from models.store import LedgerPosition, Store


class AudienceRefusedError(ExpectedError):
    """The viewer may not do this; the message says what is missing."""


@dataclass(frozen=True)
class Selection:
    """``members``: how many meet the conditions. ``ledgers_at``: where the ledgers were when permission was asked.
    ``publication``: version of the snapshot."""

    document: AudienceDocument
    members: int
    contactable: Contactable
    ledgers_at: LedgerPosition
    publication: str


def select(
    document: AudienceDocument, snapshot: Snapshot, store: Store, viewer: Viewer, now: datetime, zone: ZoneInfo
) -> Selection:
    """Who of the viewer's customers is in the audience and may be contacted. ``now``: naive UTC; ``zone``: civil time.

    Raises AudienceRefusedError for a viewer who may not see personal values: conditions would be asked of masked
    values, and the answer would tell about the hidden ones.
    """
    if not viewer.sees_personal:
        raise AudienceRefusedError(f"audience {document.name}: needs a person who may see personal data")
    found = members(document, run(snapshot, "audience_candidates", viewer), snapshot.pointer.data_as_of)
    # A withdrawal under an identifier that this viewer may not see counts all the same: asked as the company itself.
    everybody = Viewer.owner_of_the_company(user_id="suppression")
    identifiers = run(snapshot, "audience_identifiers", everybody)
    # Taken before the ledgers are read: a decision in between makes the position stale, never the ledgers.
    position = store.exports.position()
    ledgers = Ledgers(
        consents=store.consents.current(document.purpose, now),
        profiling=store.consents.current(PROFILING, now),
        suppressions=store.suppressions.active(),
    )
    today = now.replace(tzinfo=UTC).astimezone(zone).date()
    return Selection(
        document=document,
        members=found.height,
        contactable=contactable(document, found, identifiers, ledgers, today),
        ledgers_at=position,
        publication=snapshot.pointer.version,
    )
