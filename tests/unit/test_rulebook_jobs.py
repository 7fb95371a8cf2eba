"""Jobs about the settlement rulebook: who may ask, what is refused in words, two people, and beginning again.

Accidents it prevents: a person of one store who tries drafts on everybody's money, an analyst who publishes, a worker
that died half-way and publishes twice.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from models.settings import Settings
from models.store import Job, PublicationRefusedError, Scope, Store
from pipelines import jobs, rulebooks
from pipelines.jobs.permission import NotPermittedError
from pipelines.jobs.publications import handle_approve_rulebook, handle_propose_rulebook
from pipelines.jobs.simulations import ROWS, _told
from pipelines.rulebooks import RulebookRefusedError, land_published
from pipelines.settlement_simulation import Simulation
from pipelines.worker import Worker
from pipelines.workspace import Workspace
from tests.conftest import ID_KEY
from tests.factories_snapshot import build_snapshot

NOON = datetime(2026, 7, 1, 12)
COMPANY = Scope("company")
BOOK = "name: all\ndefault:\n  id: all\n  components: [{role: hq, residual: true}]\n"
PROPOSAL = {"draft": BOOK, "effective_from": "2026-08-01", "reason": "agreed"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", id_key=ID_KEY)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    settings.home.mkdir()
    with Store.open(settings.store_address) as opened:
        yield opened


@pytest.fixture
def workspace(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Drafts hold here: what they are checked over is a run's, and has tests of its own."""
    build_snapshot(settings.published_dir)
    monkeypatch.setattr(rulebooks, "require_whole", lambda *_: None)
    monkeypatch.setattr(rulebooks, "ground", lambda _: None)
    return Workspace(settings)


def asked(store: Store, kind: str, arguments: dict, *, by: str = "lin") -> Job:
    return store.jobs.ask(kind, arguments, by, now=NOON)


def person(store: Store, role: str, scope: Scope = COMPANY) -> str:
    return store.users.add(f"{role}-{scope.kind}", role, None, roles=[role], scopes=[scope], by="t", at=NOON)


def tell(*_: object) -> None:
    pass


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"draft": "name: x\nrulez: []\n"}, "rulez"),
        ({"periods": "May"}, "write 2026-06"),
        ({"periods": "2026-06..2026-05"}, "before the first"),
        ({"effective_from": "1 July"}, "write 2026-07-01"),
        ({}, "no run was promoted yet"),
    ],
)
def test_a_trial_is_refused_in_words(settings: Settings, store: Store, changed: dict[str, str], said: str) -> None:
    job = asked(store, "simulate_settlement", {"draft": BOOK, "periods": "2026-05..2026-06", **changed})
    assert Worker(settings).work_once()
    ended = store.jobs.get(job.job_id)
    assert ended.status == "failed" and said in str(ended.error)


@pytest.mark.parametrize("kind", ["simulate_settlement", "propose_rulebook", "approve_rulebook"])
def test_the_rulebook_is_for_roles_of_its_page_that_see_the_whole_company(workspace: Workspace, kind: str) -> None:
    store = workspace.store
    refused = {person(store, "operator"): "roles", person(store, "finance", Scope("store", "S01")): "whole company"}
    for by, said in refused.items():
        with pytest.raises(NotPermittedError, match=said):
            jobs.handler(kind)(asked(store, kind, {}, by=by), workspace, tell)


def test_an_analyst_proposes_and_another_person_of_finance_approves(workspace: Workspace) -> None:
    store = workspace.store
    analyst, finance = person(store, "analyst"), person(store, "finance")
    made = handle_propose_rulebook(asked(store, "propose_rulebook", PROPOSAL, by=analyst), workspace, tell)
    assert made["effective_from"] == "2026-08-01"
    choice = {"version": made["version"], "reason": "as agreed"}
    with pytest.raises(NotPermittedError, match="do not approve"):
        handle_approve_rulebook(asked(store, "approve_rulebook", choice, by=analyst), workspace, tell)
    told = handle_approve_rulebook(asked(store, "approve_rulebook", choice, by=finance), workspace, tell)
    assert told == made
    (one,) = store.rulebooks.published()
    assert (one.written_by, one.approved_by, one.effective_from) == (analyst, finance, date(2026, 8, 1))
    assert store.audit.newest(2)["action"].to_list() == ["rulebook_approved", "rulebook_proposed"]
    assert land_published(workspace.lake, store) == [], "runs know it already"


def test_one_s_own_proposal_is_not_approved_by_finance_either(workspace: Workspace) -> None:
    store = workspace.store
    by = person(store, "finance")
    made = handle_propose_rulebook(asked(store, "propose_rulebook", PROPOSAL, by=by), workspace, tell)
    with pytest.raises(PublicationRefusedError, match="second person"):
        handle_approve_rulebook(asked(store, "approve_rulebook", made, by=by), workspace, tell)


def test_begun_again_nothing_happens_twice(workspace: Workspace) -> None:
    store = workspace.store
    first = asked(store, "propose_rulebook", PROPOSAL)
    made = handle_propose_rulebook(first, workspace, tell)
    assert handle_propose_rulebook(first, workspace, tell) == made
    with pytest.raises(PublicationRefusedError, match="waits for a second person"):
        handle_propose_rulebook(replace(first, requested_by="wei"), workspace, tell)
    approval = asked(store, "approve_rulebook", {"version": made["version"]}, by="chen")
    assert handle_approve_rulebook(approval, workspace, tell) == handle_approve_rulebook(approval, workspace, tell)
    assert len(store.rulebooks.published()) == 1


def test_a_draft_that_does_not_hold_is_not_proposed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RulebookRefusedError("GAP")

    monkeypatch.setattr(rulebooks, "require_whole", refuse)
    with pytest.raises(RulebookRefusedError, match="GAP"):
        handle_propose_rulebook(asked(workspace.store, "propose_rulebook", PROPOSAL), workspace, tell)
    assert workspace.store.rulebooks.pending() == []


def test_what_changes_hands_is_per_currency_and_party_and_rows_have_a_bound() -> None:
    amounts = [
        ("hq", "hq", "CNY", 300),
        ("S1", "store", "CNY", -500),
        ("S1", "rebate", "CNY", 200),
        ("S2", "x", "HKD", 0),
    ]
    rows = [
        {"party_id": party, "party_role": role, "currency": currency, "difference": difference}
        for party, role, currency, difference in amounts
    ]
    day = date(2026, 5, 1)
    found = _told(Simulation("v", day, day, day, rows * ROWS, [], [], 0, []))
    assert (len(found["parties"]), found["parties_count"], found["first"]) == (ROWS, 4 * ROWS, "2026-05-01")
    cny, hkd = found["moved"]
    assert (cny["gained_amount"], cny["lost_amount"]) == (300 * ROWS, -300 * ROWS), "a party's roles taken together"
    assert (cny["gaining_count"], cny["losing_count"], cny["parties_count"]) == (1, 1, 2)
    assert (hkd["currency"], hkd["gained_amount"], hkd["lost_amount"]) == ("HKD", 0, 0)
    assert _told(Simulation("v", day, day, day, [], [], [], 0, []))["moved"] == []
