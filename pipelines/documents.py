"""Published rule documents: what people edit in the rulebooks folder, landed by content so that a run can name it."""

from pathlib import Path
from typing import TypeVar

from models.documents.audience import AudienceDocument
from models.documents.churn import ChurnDocument
from models.documents.customer import CustomerDocument
from models.documents.engagement import EngagementDocument
from models.documents.identity import IdentityRegistry
from models.documents.journey import JourneyDocument
from models.documents.loading import Document, DocumentError
from models.documents.payouts import PayoutDocument
from models.documents.reconciliation import ReconciliationDocument
from models.documents.settlement import SettlementDocument
from models.documents.tags import TagDocument
from models.documents.tax import TaxDocument
from models.documents.value import ValueDocument
from pipelines.lake import Commit, Lake, LakeError, Part, content_key

#: kind → type. A kind is a dataset of the lake's ``documents`` zone and a file (or folder) of the rulebooks.
KINDS: dict[str, type[Document]] = {
    "identity": IdentityRegistry,
    "settlement": SettlementDocument,
    "payouts": PayoutDocument,
    "tax": TaxDocument,
    "churn": ChurnDocument,
    "customer": CustomerDocument,
    "value": ValueDocument,
    "reconciliation": ReconciliationDocument,
    "journey": JourneyDocument,
    "engagement": EngagementDocument,
    "tags": TagDocument,
}
AUDIENCES = "audiences"
#: Versions of the settlement rulebook that two people published; after the first the folder's file is only a draft.
PUBLISHED_SETTLEMENT = "settlement_published"
D = TypeVar("D", bound=Document)


def publish_documents(lake: Lake, rulebooks: Path) -> list[Commit]:
    """Land every document whose content differs from the newest landed one of its kind; not the settlement rulebook
    any more once a version of it was published.

    Raises DocumentError naming file and field when a document does not hold: nothing of it is landed then.
    """
    commits = []
    for kind, path, content, document in _edited(rulebooks):
        if kind == "settlement" and lake.files("documents", PUBLISHED_SETTLEMENT):
            continue
        entries = lake.files("documents", kind)
        if entries and entries[-1][0].details.get("version") == document.version:
            continue
        previous = entries[-1][0].seq if entries else 0
        commits.append(
            lake.commit(
                source=f"documents:{kind}",
                key=content_key("document", kind, document.version, str(previous)),
                parts=[Part("documents", kind, content=content, suffix="yaml")],
                details={"version": document.version, "file": path.name},
            )
        )
    return commits


def published(lake: Lake, kind: str, type_: type[D], to_seq: int | None = None) -> D:
    """The newest landed document of a kind. Raises LakeError when there is none."""
    files = lake.files("documents", kind, to_seq)
    if not files:
        raise LakeError(f"no {kind} document has been published; `scrm run` publishes the rulebooks folder")
    return type_.parse(lake.content(files[-1][1]).decode(), name=f"{kind}.yaml")


def published_audiences(lake: Lake, to_seq: int | None = None) -> list[AudienceDocument]:
    """The newest landed version of every audience, by name."""
    kinds = [kind for kind in lake.datasets("documents") if kind.startswith(f"{AUDIENCES}-")]
    found = [kind for kind in kinds if lake.files("documents", kind, to_seq)]
    return [published(lake, kind, AudienceDocument, to_seq) for kind in found]


def _edited(rulebooks: Path) -> list[tuple[str, Path, bytes, Document]]:
    """Kind, file, content and document, each file read once: what lands is what was checked."""
    single: list[tuple[str, Path, type[Document]]] = [
        (kind, rulebooks / f"{kind}.yaml", type_) for kind, type_ in KINDS.items()
    ]
    audiences: list[tuple[str, Path, type[Document]]] = [
        (f"{AUDIENCES}-{path.stem}", path, AudienceDocument) for path in sorted((rulebooks / AUDIENCES).glob("*.yaml"))
    ]
    found = []
    for kind, path, type_ in [*single, *audiences]:
        content = path.read_bytes()
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DocumentError(f"{path.name}: not UTF-8 ({error}); save it as UTF-8") from error
        found.append((kind, path, content, type_.parse(text, name=path.name)))
    return found
