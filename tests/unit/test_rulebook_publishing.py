"""How a version of the settlement rulebook is published: by two people, as a file that never changes, from a day on.

Accidents it prevents: one person who changes everybody's money alone, a folder's draft that slips into a run, a version
whose text is not the one that was approved.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from models.documents.settlement import SettlementDocument
from models.documents.tax import TaxDocument
from models.settings import PROJECT_ROOT, Settings
from models.settlement.checking import check
from models.settlement.versions import days_to_check, spans
from models.store import PublicationRefusedError, Store
from pipelines.documents import publish_documents
from pipelines.lake import Lake, LakeError
from pipelines.rulebooks import (
    Ground,
    RulebookRefusedError,
    before_the_newest,
    draft_notice,
    history,
    known_versions,
    land_published,
    require_whole,
)
from pipelines.workspace import Workspace

RULEBOOKS = PROJECT_ROOT / "data" / "rulebooks"
NOON = datetime(2026, 7, 1, 12)
JULY, AUGUST = date(2026, 7, 1), date(2026, 8, 1)
BOOK = "name: {name}\ndefault:\n  id: all  # a comment stays\n  components: [{{role: {role}, residual: true}}]\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


def propose(store: Store, name: str, day: date = JULY, role: str = "hq", actor: str = "lin") -> SettlementDocument:
    text = BOOK.format(name=name, role=role)
    document = SettlementDocument.parse(text, name=name)
    store.rulebooks.propose(document, text, effective_from=day, reason="agreed", actor=actor, at=NOON)
    return document


def publish(store: Store, name: str, day: date = JULY, role: str = "hq") -> str:
    version = propose(store, name, day, role).version
    store.rulebooks.approve(version, actor="chen", at=NOON)
    return version


def test_nobody_approves_what_they_proposed(store: Store) -> None:
    version = propose(store, "July").version
    with pytest.raises(PublicationRefusedError, match="second person"):
        store.rulebooks.approve(version[:6], actor="lin", at=NOON)
    with pytest.raises(PublicationRefusedError, match="waits for a second person"):
        propose(store, "July")
    with pytest.raises(PublicationRefusedError, match="withdraw it first"):
        propose(store, "July", AUGUST)  # its hash would name two proposals, and neither could be approved
    done = store.rulebooks.approve(version[:6], actor="chen", at=NOON)
    assert (done.written_by, done.approved_by, done.effective_from) == ("lin", "chen", JULY)
    assert "# a comment stays" in done.content
    assert store.rulebooks.pending() == []
    with pytest.raises(PublicationRefusedError, match="what waits: nothing"):
        store.rulebooks.approve(version, actor="chen", at=NOON)


def test_a_proposal_is_withdrawn_with_a_reason_and_named_by_enough_of_its_hash(store: Store) -> None:
    first, second = (propose(store, name) for name in ("one", "two"))
    with pytest.raises(PublicationRefusedError, match=r"0 proposals are ''"):
        store.rulebooks.approve("", actor="chen", at=NOON)
    with pytest.raises(PublicationRefusedError, match="say why"):
        store.rulebooks.withdraw(first.version, actor="lin", at=NOON, reason=" ")
    store.rulebooks.withdraw(first.version, actor="lin", at=NOON, reason="wrong fee")
    assert [one.version for one in store.rulebooks.pending()] == [second.version]
    propose(store, "one")  # may come again
    with pytest.raises(PublicationRefusedError, match="needs a reason"):
        text = BOOK.format(name="x", role="hq")
        book = SettlementDocument.parse(text, name="x")
        store.rulebooks.roll_back(book, text, effective_from=JULY, reason="", actor="lin", at=NOON)


def test_the_ledger_is_only_added_to(store: Store) -> None:
    publish(store, "July")
    with store._database.writing() as connection, pytest.raises(sa.exc.DatabaseError, match="append-only"):
        connection.execute(sa.text("update rulebook_events set effective_from = '2020-01-01'"))


def test_a_publication_is_one_file_of_the_lake_named_by_its_content(store: Store, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    publish_documents(lake, RULEBOOKS)
    version = publish(store, "July")
    (commit,) = land_published(lake, store)
    (file,) = commit.entry.files
    assert version in Path(file.path).name
    assert lake.content(file).decode() == BOOK.format(name="July", role="hq")
    assert commit.entry.details["approved_by"] == "chen"
    assert land_published(lake, store) == []
    assert json.loads(json.dumps(history(lake)[-1], default=str))["known_from"] == commit.entry.seq


def test_what_a_run_knows_is_what_was_known_at_its_sequence(store: Store, tmp_path: Path) -> None:
    """The folder's document is the first version; after a publication a change of it is only a draft."""
    folder = tmp_path / "rulebooks"
    folder.mkdir()
    for path in RULEBOOKS.glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())
    settings = Settings(home=tmp_path, rulebooks=folder)
    workspace = Workspace(settings)
    lake = workspace.lake
    publish_documents(lake, folder)
    before = lake.head()
    assert draft_notice(workspace, JULY) == ""
    july = publish(store, "July")
    land_published(lake, store)
    after = lake.head()
    (folder / "settlement.yaml").write_text(BOOK.format(name="edited", role="store"), encoding="utf-8")
    assert "documents:settlement" not in {one.entry.source for one in publish_documents(lake, folder)}
    assert "is a draft" in draft_notice(workspace, JULY)
    publish(store, "back to June", date(2026, 6, 1))
    land_published(lake, store)
    assert [one.effective_from for one in known_versions(lake, before)] == [None]
    assert [(one.document.name, one.effective_from) for one in known_versions(lake, after)[1:]] == [("July", JULY)]
    assert [one.known_from for one in known_versions(lake)][1:] == [after, lake.head()]
    assert [one.holds_from for one in spans(known_versions(lake))] == [None, date(2026, 6, 1)]
    document, text = before_the_newest(lake)
    assert document.version == july
    store.rulebooks.roll_back(document, text, effective_from=AUGUST, reason="not agreed", actor="lin", at=NOON)
    land_published(lake, store)
    assert [(row["event"], row["version"]) for row in history(lake)][-1] == ("rolled_back", july)


def test_one_goes_back_to_the_first_version_too_and_not_before_it(store: Store, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with pytest.raises(LakeError, match="scrm run"):
        known_versions(lake)
    publish_documents(lake, RULEBOOKS)
    with pytest.raises(RulebookRefusedError, match="no version before"):
        before_the_newest(lake)
    publish(store, "July")
    land_published(lake, store)
    document, text = before_the_newest(lake)
    assert document == SettlementDocument.load(RULEBOOKS / "settlement.yaml")
    assert SettlementDocument.parse(text, name="first") == document


def test_a_store_older_than_the_lake_is_refused(store: Store, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    publish(store, "July")
    land_published(lake, store)
    with Store.open(f"sqlite:///{tmp_path / 'restored.db'}") as older, pytest.raises(LakeError, match="older backup"):
        land_published(lake, older)


KINDS = (("direct", "offline"), ("franchise", "offline"), ("agent", "offline"), ("online", "online"))
STORES = pl.DataFrame(
    [
        {
            **{"store_id": f"{region}-{kind}", "country": "CN", "region": region, "store_type": kind},
            **{"business_type": "retail", "channel": channel},
        }
        for region in ("华东", "华南", "港澳")
        for kind, channel in KINDS
    ]
)


def test_a_version_that_leaves_a_store_without_a_rule_is_not_proposed() -> None:
    book = SettlementDocument.model_validate(
        {
            "name": "gap",
            "rules": [
                {
                    "id": "east",
                    "when": {"region": "华东"},
                    "valid_to": "2027-01-01",
                    "components": [{"role": "hq", "residual": True}],
                }
            ],
        }
    )
    assert days_to_check(book, JULY) == (JULY, date(2027, 1, 2)), "to the last day on which a rule changes"
    with pytest.raises(RulebookRefusedError, match=r"(?s)GAP.*华南.*GAP"):
        require_whole(book, Ground(STORES, STORES, [], TaxDocument.load(RULEBOOKS / "tax.yaml")), JULY)


@pytest.mark.parametrize("path", sorted((RULEBOOKS / "settlement").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_examples_hold_over_stores_of_every_kind(path: Path) -> None:
    book = SettlementDocument.load(path)
    assert check(book, STORES, *days_to_check(book, date(2025, 1, 1))) == []


def test_examples_are_shipped() -> None:
    assert len(list((RULEBOOKS / "settlement").glob("*.yaml"))) >= 3
