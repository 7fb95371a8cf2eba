"""The pages People and Your account, and every role on every page (faults 56, 57)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.serving import Viewer
from models.store import Scope, Store, User
from models.store.signin import hash_password, verified
from tests.factories_snapshot import build_snapshot

APP = Path(__file__).parents[2] / "dashboards" / "streamlit_app.py"
PASSWORD = "a long enough one"
REFUSED = {"zh": "无权查看", "en": "Not allowed"}
DAILY = {"overview", "glossary", "customers", "reach", "at_risk", "account"}
#: The promise of docs/people.md, written down a second time.
PAGES_OF = {
    "owner": DAILY
    | {
        "journey",
        "identity",
        "identity_review",
        "value",
        "settlement",
        "statements",
        "reconciliation",
        "rules",
        "quality",
        "imports",
        "people",
    },
    "region_manager": DAILY | {"journey", "value", "settlement", "statements", "reconciliation", "quality"},
    "store_manager": DAILY | {"journey", "value", "settlement", "statements", "reconciliation", "quality"},
    "service_manager": DAILY | {"identity", "identity_review"},
    "operator": DAILY | {"journey", "identity", "identity_review", "value", "quality", "imports"},
    "finance": {
        "overview",
        "glossary",
        "value",
        "settlement",
        "statements",
        "reconciliation",
        "rules",
        "quality",
        "account",
    },
    "analyst": DAILY | {"journey", "identity", "value", "settlement", "statements", "rules", "quality"},
    "no_such_role": set(),
}
PAGES = sorted(PAGES_OF["owner"])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build_snapshot(tmp_path / "published")
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{home / 'store.db'}") as opened:
        yield opened


@pytest.fixture
def signed_in(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., User]]:
    """``signed_in(role, *scopes)``: a new person of the store, in a session of theirs; the cookie is replaced."""

    def enter(role: str, *scopes: Scope) -> User:
        user_id = store.users.add(
            f"{role}@x", "周", hash_password(PASSWORD), roles=[role], scopes=scopes, by="test", at=access.now()
        )
        token = store.sessions.open(user_id, access.now(), access.lock_time() * 10, "127.0.0.1", "browser", "test")
        real = access.person
        monkeypatch.setattr(access, "person", lambda kept, _, *rest: real(kept, token, *rest))
        user = store.users.by_id(user_id)
        assert user is not None
        return user

    yield enter
    for cached in (data.settings, data.snapshots, data._answer):
        cached.clear()


def opened(page: str, language: str = "en") -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    at.query_params["language"] = language
    at.run()
    if page != "overview":
        at.switch_page(f"app_pages/{page}.py").run()
    return at


def is_refused(at: AppTest) -> bool:
    return [one.value for one in at.subheader] == [REFUSED["en"]] and not at.dataframe and not at.metric


def press(at: AppTest, label: str) -> AppTest:
    return next(button for button in at.button if button.label == label).click().run()


@pytest.mark.slow
@pytest.mark.parametrize("role", PAGES_OF)
def test_every_role_opens_its_pages_and_no_other(signed_in, store, role):
    signed_in(role, Scope("store", "S01"))
    for page in PAGES:
        at = opened(page)
        assert not at.exception, page
        assert is_refused(at) == (page not in PAGES_OF[role]), page
    told = store.audit.newest()
    denied = set(told.filter(told["action"] == "denied")["object_id"])
    assert denied == set(PAGES) - PAGES_OF[role]


def test_who_is_signed_in_sees_their_stores_and_a_scope_taken_away_counts_on_the_next_rerun(signed_in, store):
    user = signed_in("store_manager", Scope("region", "华东"))
    at = opened("settlement")
    assert "S02" not in at.dataframe[-1].value.to_csv() and at.dataframe
    store.users.revoke_scope(user.user_id, Scope("region", "华东"), "test", access.now())
    at.run()
    assert not at.dataframe
    store.sessions.revoke_all(user.user_id, "test", access.now())
    at.run()
    assert at.subheader[0].value == "You are signed out"


def test_an_owner_adds_a_person_and_gives_rights(signed_in, store):
    owner = signed_in("owner", Scope("company"))
    at = opened("people")
    name, login, _ = at.text_input[-3:]
    name.set_value("林")
    login.set_value("Lin@Example.com")
    at.multiselect[0].set_value(["store_manager"])
    at.multiselect[1].set_value([Scope("store", "S01")])
    press(at, "Add a person")
    assert not at.exception
    lin = store.users.by_login("lin@example.com")
    assert lin is not None and lin.roles == {"store_manager"} and lin.scopes == {Scope("store", "S01")}
    shown = at.code[0].value
    assert verified(store.users.password_hash(lin.user_id), shown), "the password shown is the one that works"
    at.run()
    assert not at.code, "and it is shown once"
    assert store.audit.newest(1).row(0, named=True)["user_id"] == owner.user_id


def test_a_person_changes_the_password_and_ends_sessions(signed_in, store):
    user = signed_in("analyst", Scope("company"))
    other = store.sessions.open(user.user_id, access.now(), access.lock_time(), "10.0.0.1", "elsewhere", "test")
    at = opened("account")
    assert len(at.dataframe[0].value) == 2
    old, new, repeat = at.text_input
    for box, value in ((old, "not this one"), (new, "quite another one"), (repeat, "quite another one")):
        box.set_value(value)
    press(at, "Change")
    assert at.error and verified(store.users.password_hash(user.user_id), PASSWORD)
    old, new, repeat = at.text_input
    for box, value in ((old, PASSWORD), (new, "quite another one"), (repeat, "quite another one")):
        box.set_value(value)
    press(at, "Change")
    assert at.success and verified(store.users.password_hash(user.user_id), "quite another one")
    assert store.sessions.find(other, access.now(), access.idle_time()) is None
    press(at, "Sign out")
    at.run()
    assert at.subheader[0].value == "You are signed out"


def test_a_right_of_a_viewer_without_any_role_is_none():
    nobody = Viewer("x", "", frozenset(), None)
    assert not nobody.may_export and not nobody.may_open("overview") and not nobody.may_ask("overview")
