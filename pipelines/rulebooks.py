"""Published versions of the settlement rulebook: immutable files of the lake, and what a run knows of them.

The rulebooks folder's document is the first version, until one was published by two people; from then on it is a draft.
A publication is a commit: its sequence number says since when it is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import polars as pl

from models.documents.settlement import SettlementDocument
from models.documents.tax import TaxDocument
from models.errors import ExpectedError
from models.serving.pointer import read_pointer
from models.settings import Settings
from models.settlement.checking import Problem, check
from models.settlement.coverage import Uncovered, fx_gaps, tax_gaps
from models.settlement.fx import FxRate
from models.settlement.rules import rules_of
from models.settlement.versions import Version, days_to_check, in_force
from models.store import Proposal, PublishedRulebook, Store
from pipelines.documents import PUBLISHED_SETTLEMENT, published
from pipelines.lake import Commit, Entry, Lake, LakeError, Part, content_key
from pipelines.warehouse import ENGINE_CONFIG, attach
from pipelines.workspace import Workspace

SOURCE = "settlement:publish"
FIRST = "settlement"  # kind of the folder's document
_STORES = (
    "select store_id, country, region, city, store_type, business_type, agent_id as agent, "
    "case when store_type = 'online' then 'online' else 'offline' end as channel from stores order by all"
)
_RATES = "select rate_date, base_currency, quote_currency, rate, source from built.stg_files__fx_rates order by all"


class RulebookRefusedError(ExpectedError):
    """A draft that does not hold over the stores, or no version to go back to; the message says what to do."""


def land_published(lake: Lake, store: Store) -> list[Commit]:
    """Land what was published since the last time, each version as a file that bears its content hash.

    Raises LakeError when the store is older than the lake.
    """
    known = store.rulebooks.published()
    landed = [int(entry.details["number"]) for entry, _ in lake.files("documents", PUBLISHED_SETTLEMENT)]
    if max(landed, default=0) > max((one.number for one in known), default=0):
        raise LakeError(
            "the lake holds a version of the settlement rulebook that the store does not know: the store was restored "
            "from an older backup; restore the newest one, or the lake of the same day"
        )
    return [_land(lake, one) for one in known if one.number not in landed]


def _land(lake: Lake, one: PublishedRulebook) -> Commit:
    return lake.commit(
        source=SOURCE,
        key=content_key(SOURCE, str(one.number), one.version),
        parts=[Part("documents", PUBLISHED_SETTLEMENT, content=one.content.encode(), suffix=f"{one.version}.yaml")],
        details={
            "number": one.number,
            "event": one.event,
            "version": one.version,
            "effective_from": one.effective_from.isoformat(),
            "reason": one.reason,
            "written_by": one.written_by,
            "approved_by": one.approved_by,
            "approved_at": one.approved_at.isoformat(),
        },
    )


def known_versions(lake: Lake, to_seq: int | None = None) -> list[Version]:
    """What was known at a sequence number, in order: the folder's document, then what was published.

    Raises LakeError when there is none.
    """
    landed = lake.files("documents", PUBLISHED_SETTLEMENT, to_seq)
    before = landed[0][0].seq - 1 if landed else to_seq
    first = lake.files("documents", FIRST, before)
    versions = [Version(published(lake, FIRST, SettlementDocument, before), first[-1][0].seq)] if first else []
    for entry, file in landed:
        document = SettlementDocument.parse(lake.content(file).decode(), name=file.path)
        versions.append(Version(document, entry.seq, date.fromisoformat(str(entry.details["effective_from"]))))
    if not versions:
        raise LakeError("no settlement document has been published; `scrm run` publishes the rulebooks folder")
    return versions


def history(lake: Lake) -> list[dict[str, Any]]:
    """One row per version in order: version, name, effective_from, known_from, event and the people; newest last."""
    landed = {entry.seq: entry for entry, _ in lake.files("documents", PUBLISHED_SETTLEMENT)}
    return [_told(version, landed.get(version.known_from)) for version in known_versions(lake)]


def _told(version: Version, entry: Entry | None) -> dict[str, Any]:
    details = entry.details if entry else {}
    return {
        "version": version.document.version,
        "name": version.document.name,
        "event": details.get("event", "first"),
        "effective_from": version.effective_from,
        "known_from": version.known_from,
        "written_by": details.get("written_by", ""),
        "approved_by": details.get("approved_by", ""),
        "approved_at": details.get("approved_at", ""),
        "reason": details.get("reason", ""),
    }


@dataclass(frozen=True)
class Ground:
    """What a rulebook is checked over, beside its own words.

    ``stores``: store_id and the RULE_KEYS that each states; ``sold``: the same with a currency that it sells in;
    ``rates``: the published rates of exchange; ``taxes``: the tax document.
    """

    stores: pl.DataFrame
    sold: pl.DataFrame
    rates: Sequence[FxRate]
    taxes: TaxDocument


def ground(settings: Settings) -> Ground:
    """The stores of the published snapshot, the currencies and rates of the promoted warehouse, and ``tax.yaml``.

    Raises RulebookRefusedError before the first run was published.
    """
    with published_snapshot(settings) as connection:
        stores = connection.sql(_STORES).pl()
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        attach(connection, Workspace(settings).warehouse.promoted, "built")
        sold = connection.sql("select distinct store_id, currency from built.order_lines").pl()
        rates = connection.sql(_RATES).fetchall()
    taxes = TaxDocument.load(settings.rulebooks / "tax.yaml")
    return Ground(stores, stores.join(sold, on="store_id"), [FxRate(*row) for row in rates], taxes)


def problems_of(document: SettlementDocument, over: Ground, first: date, until: date) -> list[Problem | Uncovered]:
    """Gaps, overlaps and ambiguities of the rules, then rates of tax and of exchange that they lack, on some days."""
    found: list[Problem | Uncovered] = [
        *check(document, over.stores, first, until),
        *tax_gaps(document, over.taxes, over.stores, first, until),
    ]
    if any(rule.settle_in for rule in rules_of(document)):
        found += fx_gaps(document, over.sold, over.rates, first, until)
    return found


def require_whole(document: SettlementDocument, over: Ground, effective_from: date) -> None:
    """A version must hold at every store on every day from its own on.

    Raises RulebookRefusedError with every problem.
    """
    if problems := problems_of(document, over, *days_to_check(document, effective_from)):
        told = "\n".join(problem.message for problem in problems)
        raise RulebookRefusedError(f"{document.name} {document.version} does not hold:\n{told}")


def propose(
    workspace: Workspace, content: str, name: str, *, effective_from: date, reason: str, actor: str, at: datetime
) -> Proposal:
    """Put a draft forward for a second person's approval; ``name`` is what messages call the text.

    Raises DocumentError, RulebookRefusedError, PublicationRefusedError.
    """
    document = SettlementDocument.parse(content, name=name)
    require_whole(document, ground(workspace.settings), effective_from)
    return workspace.store.rulebooks.propose(
        document, content, effective_from=effective_from, reason=reason, actor=actor, at=at
    )


def approve(workspace: Workspace, version: str, *, actor: str, at: datetime, reason: str) -> PublishedRulebook:
    """Publish what another person proposed, checked again over the stores of now; ``version``: how its hash begins.

    Raises RulebookRefusedError, PublicationRefusedError.
    """
    for proposal in workspace.store.rulebooks.pending():
        if proposal.version.startswith(version):
            require_whole(proposal.document, ground(workspace.settings), proposal.effective_from)
    done = workspace.store.rulebooks.approve(version, actor=actor, at=at, reason=reason)
    land_published(workspace.lake, workspace.store)
    return done


def published_snapshot(settings: Settings) -> duckdb.DuckDBPyConnection:
    """The snapshot that readers see now, read only. Raises RulebookRefusedError before the first."""
    pointer = read_pointer(settings.published_dir)
    if pointer is None:
        raise RulebookRefusedError("nothing is published yet; `scrm run` publishes")
    return duckdb.connect(str(settings.published_dir / pointer.file), read_only=True, config=ENGINE_CONFIG)


def before_the_newest(lake: Lake) -> tuple[SettlementDocument, str]:
    """The version that was published before the newest one, with its text. Raises RulebookRefusedError without any."""
    versions = known_versions(lake)
    if len(versions) < 2:
        raise RulebookRefusedError("there is no version before this one to go back to; `scrm settlement versions`")
    previous, newest = versions[-2:]
    if previous.document.version == newest.document.version:
        raise RulebookRefusedError("the version before says the same; propose the one that you mean")
    kinds = (PUBLISHED_SETTLEMENT, FIRST)
    files = {entry.seq: file for kind in kinds for entry, file in lake.files("documents", kind)}
    return previous.document, lake.content(files[previous.known_from]).decode()


def draft_notice(workspace: Workspace, day: date) -> str:
    """What a run says when the folder's document is not the version of a day any more; empty while it is."""
    if not workspace.lake.files("documents", PUBLISHED_SETTLEMENT):
        return ""
    held = in_force(known_versions(workspace.lake), day)
    draft = SettlementDocument.load(workspace.settings.rulebooks / "settlement.yaml")
    if held is None or held.document.version == draft.version:
        return ""
    return (
        f"settlement follows the published version {held.document.version}; settlement.yaml in the rulebooks folder "
        f"({draft.version}) is a draft: `scrm settlement publish` proposes it"
    )
