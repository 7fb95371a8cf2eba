"""The import page: upload, look, map, confirm, hand back. The worker runs in the test, between two reruns."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest, local_script_runner

from dashboards import access, data, frame, import_reasons
from dashboards.text import Words
from models.serving import Viewer
from models.settings import Settings
from pipelines.jobs.proposals import layouts
from pipelines.lake import Lake
from pipelines.worker import Worker
from tests.unit.test_jobs import ORDERS

APP = Path(__file__).parents[2] / "dashboards" / "streamlit_app.py"
OWNER = Viewer.owner_of_the_company("olga")
OPERATOR = Viewer("bob", "", frozenset({"operator"}), frozenset())
MANAGER = Viewer("mia", "", frozenset({"store_manager"}), frozenset())
LANGUAGES = ("zh", "en")
CURRENT_VIEWER = access.current_viewer
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A home without data: this page is where a company begins. Caches of its own for every test."""
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    seen_by(monkeypatch, OWNER)
    yield
    for cached in (data.settings, data.snapshots, data._answer, data._store):
        cached.clear()


def seen_by(monkeypatch: pytest.MonkeyPatch, viewer: Viewer) -> None:
    monkeypatch.setattr(access, "current_viewer", lambda: viewer)


def opened(language: str = "en", **query: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    at.query_params["language"] = language
    at.run()
    at.switch_page("app_pages/imports.py")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def worked(at: AppTest) -> AppTest:
    """One job is done, and the page looks again."""
    assert Worker(Settings()).work_once()
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def looked_at(text: str = ORDERS, name: str = "orders.csv", language: str = "en") -> AppTest:
    at = opened(language)
    at.file_uploader(key="imports_file").set_value((name, text.encode(), "text/csv"))
    at.button(key="imports_look").click().run()
    assert not at.exception, at.exception[0].value
    return worked(at)


def texts(at: AppTest) -> str:
    kinds = (at.title, at.subheader, at.caption, at.markdown, at.text, at.info, at.warning, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def figures(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_goes_the_whole_way_without_any_data_published(language: str) -> None:
    at = looked_at(language=language)
    words = Words(language)
    counted = [words(f"column.{name}") for name in ("rows", "accepted", "quarantined", "skipped")]
    assert figures(at) == dict(zip(counted, ("4", "2", "1", "1"), strict=True))
    assert words("reason.above_zero") in at.dataframe[1].value.to_csv()
    assert words("remedy.above_zero") in at.dataframe[1].value.to_csv()
    at.button(key="imports_confirm").click().run()
    at = worked(at)
    assert figures(at) == dict(zip(counted, ("4", "2", "1", "1"), strict=True))
    assert at.get("download_button"), "the rejected rows are handed back"
    at.button(key="imports_another").click().run()
    assert at.dataframe[0].value["file"].to_list() == ["orders.csv"]
    assert at.dataframe[0].value["accepted"].to_list() == [2]


def test_a_reload_finds_the_job_by_its_address_and_strangers_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    at = looked_at()
    job = at.query_params["job"]
    assert figures(opened(job=job)) == figures(at)
    seen_by(monkeypatch, OPERATOR)
    stranger = opened(job=job)
    assert not stranger.metric
    assert "not yours" in stranger.info[0].value
    assert "orders.csv" not in texts(opened())


def test_a_role_without_imports_sees_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen_by(monkeypatch, MANAGER)
    at = opened()
    assert not at.get("file_uploader")


def signed_in(monkeypatch: pytest.MonkeyPatch, role: str) -> tuple[str, Callable[[], None]]:
    """A person of the store with a session, whose cookie is replaced; the id, and what ends the session."""
    monkeypatch.setattr(access, "current_viewer", CURRENT_VIEWER)
    store = data.store()
    user_id = store.users.add(role, "周", None, roles=[role], scopes=[], by="test", at=access.now())
    token = store.sessions.open(user_id, access.now(), access.lock_time() * 10, "127.0.0.1", "browser", "test")
    person = access.person
    monkeypatch.setattr(access, "person", lambda kept, _, *rest: person(kept, token, *rest))
    return user_id, lambda: store.sessions.revoke_all(user_id, "test", access.now())


def tick(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The browser's timer: only the polling part reruns, the page and its gate do not."""
    polling = list(at._fragment_storage._fragments)
    assert len(polling) == 1
    with monkeypatch.context() as patched:
        rerun = partial(local_script_runner.RerunData, fragment_id_queue=polling, is_auto_rerun=True)
        patched.setattr(local_script_runner, "RerunData", rerun)
        at.run()
    assert not at.exception, at.exception[0].value
    return at


def waiting(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A page whose job is queued, after one tick that found nothing new."""
    at = opened()
    at.file_uploader(key="imports_file").set_value(("orders.csv", ORDERS.encode(), "text/csv"))
    at.button(key="imports_look").click().run()
    with monkeypatch.context() as patched:
        patched.setattr(frame, "signed_out", lambda *_: pytest.fail("the gate of the whole page was asked"))
        patched.setattr(frame, "who", lambda *_: pytest.fail("the whole page was drawn"))
        tick(at, monkeypatch)
    assert "orders.csv" in texts(at) and at.button(key="imports_cancel")
    return at


def test_a_session_ended_while_the_page_polls_ends_the_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 57: the timer reruns the polling part alone, so the gate of the page is not asked again."""
    _, end_the_session = signed_in(monkeypatch, "operator")
    at = waiting(monkeypatch)
    job = data.store().jobs.get(at.query_params["job"], OWNER)
    end_the_session()
    at = tick(at, monkeypatch)
    assert at.subheader[0].value == "You are signed out"
    assert "orders.csv" not in texts(at) and not at.button
    assert data.store().jobs.get(job.job_id, OWNER).is_open, "what was asked for is still done"


def test_a_role_withdrawn_while_the_page_polls_ends_the_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    user_id, _ = signed_in(monkeypatch, "operator")
    data.store().users.add("olga", "周", None, roles=["owner"], scopes=[], by="test", at=access.now())
    at = waiting(monkeypatch)
    users = data.store().users
    users.grant_role(user_id, "analyst", "test", access.now())
    users.revoke_role(user_id, "operator", "test", access.now())
    at = tick(at, monkeypatch)
    assert at.subheader[0].value == "Not allowed"
    assert "orders.csv" not in texts(at)


def test_another_s_job_goes_from_the_page_with_the_role_that_showed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner sees every job, an operator their own: the page stays open, the job does not."""
    seen_by(monkeypatch, OWNER)
    at = waiting(monkeypatch)
    seen_by(monkeypatch, replace(OWNER, user_id="oda"))
    assert "orders.csv" in texts(tick(at, monkeypatch))
    seen_by(monkeypatch, OPERATOR)
    at = tick(at, monkeypatch)
    assert "not yours" in at.info[0].value
    assert "orders.csv" not in texts(at)


def test_what_is_missing_is_named_chosen_and_looked_at_again() -> None:
    at = looked_at(ORDERS.replace("店铺编号", "x"))
    assert "Still missing" in at.warning[0].value
    assert not at.metric
    assert at.button(key="imports_again").disabled
    box = next(box for box in at.selectbox if box.key.endswith("_store_id"))
    box.select_index(3).run()  # 0: not in the file; x is the third column
    assert not at.button(key="imports_again").disabled
    at.button(key="imports_again").click().run()
    at = worked(at)
    assert figures(at)["Accepted"] == "2"


def test_one_value_can_stand_for_a_whole_file() -> None:
    at = looked_at(ORDERS.replace("店铺编号", "x"))
    box = next(box for box in at.selectbox if box.key.endswith("_store_id"))
    box.select_index(len(box.options) - 1).run()
    next(text for text in at.text_input if text.key.endswith("_store_id_value")).set_value("S9").run()
    at.button(key="imports_again").click().run()
    at = worked(at)
    assert figures(at)["Accepted"] == "2"
    assert set(at.dataframe[0].value["store_id"]) == {"S9"}


def test_what_is_confirmed_is_what_was_previewed() -> None:
    """After a change there is no button to import, only one to look again."""
    at = looked_at()
    box = next(box for box in at.selectbox if box.key.endswith("_buyer_phone"))
    box.select_index(0).run()
    assert [button.key for button in at.button if button.key in ("imports_confirm", "imports_again")] == [
        "imports_again"
    ]


def test_another_dataset_is_another_look() -> None:
    at = looked_at()
    box = next(box for box in at.selectbox if box.key.startswith("imports_dataset_"))
    box.set_value("refunds").run()
    at = worked(at)
    assert next(box for box in at.selectbox if box.key.startswith("imports_dataset_")).value == "refunds"
    assert "Still missing" in at.warning[0].value


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refused_file_is_named_with_its_remedy(language: str) -> None:
    at = looked_at("%PDF-1.7 and more", "orders.csv", language)
    assert Words(language)("reason.pdf") in texts(at)
    assert Words(language)("remedy.pdf") in texts(at)
    assert not Lake(Settings().lake_dir).head()


def test_an_empty_file_is_not_kept() -> None:
    at = opened()
    at.file_uploader(key="imports_file").set_value(("none.csv", b"", "text/csv"))
    at.button(key="imports_look").click().run()
    assert not at.exception
    assert Words("en")("reason.empty") in texts(at)
    assert not list(Settings().uploads_dir.iterdir())


def test_names_and_cells_are_text_only() -> None:
    """Fault 54: a hostile header, name or cell is never drawn as Markdown or HTML."""
    at = looked_at(ORDERS.replace("行号", HOSTILE).replace("T1", HOSTILE), f"{HOSTILE}.csv")
    parsed = [*at.markdown, *at.caption, *at.title, *at.subheader, *at.info, *at.warning, *at.error, *at.success]
    assert not [element for element in parsed if "onerror" in str(element.value)]
    assert HOSTILE in at.dataframe[0].value.to_csv()


def test_every_reason_and_every_shipped_layout_has_words() -> None:
    for language in LANGUAGES:
        words = Words(language)
        assert [code for code in import_reasons.codes() if words.known("reason", code) is None] == []
        assert [name for name in layouts() if words.known("layout", name) is None] == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("order_id is required", "required"),
        ("quantity must be above zero", "above_zero"),
        ("the row has 3 cells, the header 9", "ragged"),
        ("paid_amount CNY has 2 decimals", "decimals"),
        ("ordered_at is not a time such as 2026-01-05 09:30:00", "time"),
        ("a.xls: an old binary workbook (.xls) or another Office file; save it as .xlsx or CSV", "old_workbook"),
    ],
)
def test_the_importer_s_sentences_are_recognised(said: str, code: str) -> None:
    assert import_reasons.explained(Words("zh"), said)[0] == Words("zh").known("reason", code)


def test_an_unknown_sentence_is_shown_as_it_is() -> None:
    assert import_reasons.explained(Words("zh"), "something new") == ("something new", "")
