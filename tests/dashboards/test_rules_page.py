"""The page Rules & what-if: versions, a draft on past months, a proposal and its approval by somebody else.

Accidents it prevents: a draft that is no rulebook goes to the worker, amounts of two currencies under one sign, a trial
of somebody else shown as one's own, a version that one person publishes alone, a manager who sees every party's money.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from dashboards.text import Words
from models.documents.settlement import SettlementDocument
from models.serving import Viewer
from models.settings import Settings
from models.store import Job, Store
from tests.dashboards.test_people_pages import APP, REFUSED
from tests.factories_snapshot import build_snapshot

OWNER = Viewer.owner_of_the_company("olga")
FINANCE = Viewer("fei", "", frozenset({"finance"}), None)
ANALYST = Viewer("ann", "", frozenset({"analyst"}), None)
MANAGER = Viewer("mia", "", frozenset({"store_manager"}), frozenset({"S01"}))
PART = Viewer("fay", "", frozenset({"finance"}), frozenset({"S01"}))
BOOK = "name: {name}\ndefault:\n  id: all  # a comment stays\n  components: [{{role: {role}, residual: true}}]\n"
NOON = datetime(2026, 6, 1, 12)
LANGUAGES = ("zh", "en")
#: As the worker leaves it: minor units, days as text.
RESULT: dict[str, Any] = {
    "version": "0123456789abcdef",
    "effective_from": "2026-05-01",
    "first": "2026-05-01",
    "until": "2026-07-01",
    "parties": [
        {"party_id": party, "party_role": role, "currency": currency, "amount_before": before, "amount_after": after,
         "difference": after - before, "entries_before": 1, "entries_after": 1}
        for party, role, currency, before, after in (
            ("hq", "hq", "CNY", 100_000, 225_050),
            ("S01", "store", "CNY", 900_000, 774_950),
            ("S03", "store", "HKD", 5_000, 5_000),
        )
    ],
    "parties_count": 3,
    "rules": [
        {"component": "split", "rule_id": "all", "party_role": "hq", "currency": "CNY", "amount_before": 100_000,
         "amount_after": 225_050, "difference": 125_050, "entries_before": 1, "entries_after": 1}
    ],
    "rules_count": 2,
    "orders": [
        {"order_key": "S01:O1", "store_id": "S01", "currency": "CNY", "moved_amount": 125_050, "party_role": "hq",
         "party_id": "hq", "amount_before": 0, "amount_after": 125_050, "difference": 125_050}
    ],
    "orders_count": 1234,
    "unsettled": [{"reason": "FX", "facts_before": 0, "facts_after": 7}],
    "moved": [
        {"currency": "CNY", "gained_amount": 125_050, "lost_amount": -125_050, "gaining_count": 1, "losing_count": 1,
         "parties_count": 2},
        {"currency": "HKD", "gained_amount": 0, "lost_amount": 0, "gaining_count": 0, "losing_count": 0,
         "parties_count": 1},
    ],
}  # fmt: skip
Opened = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    build_snapshot(tmp_path / "published")
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened
    for cached in (data.settings, data.snapshots, data._answer, data._store):
        cached.clear()


@pytest.fixture
def opened(store: Store, monkeypatch: pytest.MonkeyPatch) -> Opened:
    def page(viewer: Viewer = OWNER, language: str = "en") -> AppTest:
        monkeypatch.setattr(access, "current_viewer", lambda: viewer)
        at = AppTest.from_file(APP, default_timeout=60)
        at.query_params["language"] = language
        at.run()
        at.switch_page("app_pages/rules.py")
        return whole(at.run())

    return page


def whole(at: AppTest) -> AppTest:
    assert not at.exception, at.exception[0].value
    return at


def press(at: AppTest, key: str) -> AppTest:
    return whole(next(one for one in at.button if one.key == key).click().run())


def texts(at: AppTest) -> str:
    kinds = (at.subheader, at.caption, at.text, at.info, at.warning, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def table(at: AppTest, *columns: str) -> list[dict[str, Any]]:
    return next(one.value for one in at.dataframe if set(columns) <= set(one.value.columns)).to_dict("records")


def asked(store: Store, *kinds: str) -> list[Job]:
    return store.jobs.list(kinds=kinds)


def done(store: Store, result: dict[str, Any] | None = None, error: str = "") -> None:
    """As the worker ends a job."""
    job = store.jobs.claim("w", ("simulate_settlement",))
    assert job is not None
    if result is None:
        store.jobs.fail(job, error)
    else:
        store.jobs.finish(job, result)


def proposed(store: Store, name: str = "July", actor: str = "ann", role: str = "hq") -> str:
    text = BOOK.format(name=name, role=role)
    document = SettlementDocument.parse(text, name=name)
    made = store.rulebooks.propose(
        document, text, effective_from=date(2026, 6, 1), reason="agreed", actor=actor, at=NOON
    )
    return made.version


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_without_a_publication_shows_the_folder_s_rules(opened: Opened, language: str) -> None:
    at = opened(language=language)
    words = Words(language)
    assert at.title[0].value == words("rules.title")
    assert words("rules.nothing_published") in texts(at)
    assert at.code[0].value == (Settings().rulebooks / "settlement.yaml").read_text(encoding="utf-8").strip()
    assert at.text_area(key="rules_draft").value.startswith(at.code[0].value[:50])


@pytest.mark.parametrize(
    ("language", "draft", "said"),
    [
        ("en", "name: x\ndefault: {id: all, components: []}\n", "components"),
        ("zh", "name: x\nrulez: []\n", "没有这个字段"),
        ("en", "", "document"),
        ("en", "[" * 3000, "nested too deeply"),
    ],
)
def test_a_draft_that_is_no_rulebook_is_told_and_asks_for_nothing(
    opened: Opened, store: Store, language: str, draft: str, said: str
) -> None:
    at = opened(language=language)
    at.text_area(key="rules_draft").set_value(draft)
    at = press(at, "rules_try")
    assert Words(language)("rules.not_a_rulebook") in [one.value for one in at.error]
    assert said in texts(at)
    assert asked(store) == []
    assert not [one for one in at.button if one.key == "rules_propose_it"], "nor can it be proposed"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_trial_is_asked_for_awaited_and_told(opened: Opened, store: Store, language: str) -> None:
    words = Words(language)
    at = opened(ANALYST, language)
    draft = BOOK.format(name="draft", role="store")
    at.text_area(key="rules_draft").set_value(draft)
    months = at.selectbox(key="rules_last_month").options
    at.selectbox(key="rules_first_month").set_value(months[1])
    at.date_input(key="rules_draft_from").set_value(date(2026, 6, 15))
    at = press(at, "rules_try")
    (job,) = asked(store, "simulate_settlement")
    periods = f"{months[1]}..{months[0]}"
    assert dict(job.arguments) == {"draft": draft, "periods": periods, "effective_from": "2026-06-15"}
    assert (job.requested_by, job.status) == ("ann", "queued")
    assert words("job_kind.simulate_settlement") in texts(at)
    assert at.button(key="rules_try").disabled, "one at a time"

    done(store, RESULT)
    at = opened(ANALYST, language)  # whoever comes back finds it
    assert [one.value for one in at.metric] == ["1,250.50", "0.00"]
    assert [one.label for one in at.metric] == [words("rules.moved_in", currency=one) for one in ("CNY", "HKD")]
    parties = table(at, "party_id", "difference", "amount_before")
    assert [(row["party_id"], str(row["difference"]), str(row["amount_after"])) for row in parties] == [
        (words("party_role.hq"), "1250.50", "2250.50"),
        ("S01", "-1250.50", "7749.50"),
    ], "who gets the same is not listed"
    assert {row["party_role"] for row in parties} == {words("party_role.hq"), words("party_role.store")}
    assert table(at, "rule_id")[0]["component"] == words("settlement_component.split")
    assert [str(row["difference"]) for row in table(at, "order_key")] == ["1250.50"]
    assert words("rules.orders_note", all="1,234") in texts(at)
    assert table(at, "facts_after")[0]["reason"] == words.code("held_back", "FX")
    assert at.text_area(key="rules_draft").value == draft, "and the draft it was made of"
    assert not opened(OWNER, language).metric, "another's trial is not one's own, for an owner neither"


def test_months_in_the_wrong_order_are_told(opened: Opened, store: Store) -> None:
    at = opened()
    at.selectbox(key="rules_last_month").set_value(at.selectbox(key="rules_last_month").options[-1])
    at = press(at, "rules_try")
    assert Words("en")("rules.months_order") in texts(at)
    assert asked(store) == []


def test_a_trial_that_failed_says_why_in_the_worker_s_words(opened: Opened, store: Store) -> None:
    press(opened(), "rules_try")
    done(store, error="draft does not hold:\nGAP 华南 from 2026-05-01")
    at = opened()
    assert "GAP 华南 from 2026-05-01" in [line for text in at.text for line in str(text.value).splitlines()]
    assert not at.button(key="rules_try").disabled


def test_a_trial_can_be_taken_back_before_it_begins(opened: Opened, store: Store) -> None:
    press(press(opened(), "rules_try"), "rules_trial_cancel")
    assert asked(store)[0].status == "cancelled"
    assert Words("en")("rules.trial_cancelled") in texts(opened())


def test_a_file_becomes_the_draft_unless_it_is_no_text(opened: Opened) -> None:
    at = opened()
    before = at.text_area(key="rules_draft").value
    at.file_uploader(key="rules_file").set_value(("a.yaml", "名".encode("gb18030"), "text/plain"))
    at = whole(at.run())
    assert Words("en")("rules.not_text") in texts(at) and at.text_area(key="rules_draft").value == before
    at.file_uploader(key="rules_file").set_value(("b.yaml", BOOK.format(name="b", role="hq").encode(), "text/plain"))
    assert whole(at.run()).text_area(key="rules_draft").value.startswith("name: b")
    assert press(at, "rules_take_in_force").text_area(key="rules_draft").value == before


def test_a_draft_is_proposed_with_a_day_and_a_reason(opened: Opened, store: Store) -> None:
    at = press(opened(ANALYST), "rules_propose_it")
    assert Words("en")("rules.day_needed") in texts(at) and asked(store) == []
    at.date_input(key="rules_day").set_value(date(2026, 8, 1))
    at.text_input(key="rules_why").set_value("new fee")
    at = press(at, "rules_propose_it")
    (job,) = asked(store, "propose_rulebook")
    assert job.arguments["effective_from"] == "2026-08-01" and job.arguments["reason"] == "new fee"
    assert job.arguments["draft"] == at.text_area(key="rules_draft").value
    assert at.query_params["job"] == [job.job_id] or at.query_params["job"] == job.job_id


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_proposed_does_not_approve_and_somebody_else_does(opened: Opened, store: Store, language: str) -> None:
    words = Words(language)
    first = proposed(store, "June", actor="lin", role="store")
    store.rulebooks.approve(first, actor="chen", at=NOON)
    version = proposed(store, actor="fei")
    at = opened(FINANCE, language)
    listed = table(at, "effective_from", "approved_by")
    assert [(row["name"], row["state"]) for row in listed] == [
        ("July", words("rulebook_state.waiting")),
        ("June", words("rulebook_state.in_force")),
    ]
    assert at.code[0].language == "diff" and "+  components: [{role: hq, residual: true}]" in at.code[0].value
    keys = {one.key for one in at.button}
    assert "rules_approve" not in keys and "rules_withdraw" in keys
    assert words("rules.second_person") in texts(at)
    assert not {"rules_approve", "rules_withdraw"} & {one.key for one in opened(ANALYST, language).button}
    at = press(opened(OWNER, language), "rules_approve")
    (job,) = asked(store, "approve_rulebook")
    assert (job.requested_by, job.arguments["version"]) == ("olga", version)
    assert at.text_area(key="rules_draft").value == BOOK.format(name="June", role="store"), "begins with what holds"


def test_a_proposal_is_withdrawn_with_a_reason_and_it_is_in_the_audit(opened: Opened, store: Store) -> None:
    proposed(store)
    at = press(opened(FINANCE), "rules_withdraw")
    assert at.error and store.rulebooks.pending()
    next(one for one in at.text_input if one.key and one.key.startswith("rules_reason_")).set_value("too high")
    at = press(at, "rules_withdraw")
    assert at.success and store.rulebooks.pending() == []
    assert store.audit.newest(1).row(0, named=True)["action"] == "rulebook_withdrawn"


def test_the_page_is_for_those_who_see_the_whole_company(opened: Opened, store: Store) -> None:
    proposed(store)
    at = opened(MANAGER)
    assert at.subheader[0].value == REFUSED["en"] and not at.text_area and not at.dataframe
    at = opened(PART)
    assert Words("en")("rules.hidden") in texts(at)
    assert not at.text_area and not at.dataframe and not at.code
