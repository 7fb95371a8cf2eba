"""Users, sessions and the audit of the store: who gets in, who does not, and what is kept of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from models.settings import SigninSettings
from models.store import Scope, Store, StoreError
from models.store.demo_people import PASSWORD as DEMO_PASSWORD
from models.store.demo_people import add_demo_people, is_demo
from models.store.signin import PasswordError, hash_password, person, sign_in
from models.store.users import login_of
from tests.unit.test_store import at_once

NOON = datetime(2026, 7, 1, 12)
RIGHT = "correct horse battery"
SETTINGS = SigninSettings(most_failures=3, lock_minutes=10, idle_minutes=60, session_hours=8)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def hashed() -> str:
    return hash_password(RIGHT)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


@pytest.fixture
def lin(store: Store, hashed: str) -> str:
    return store.users.add("Lin", "林", hashed, roles=["owner"], scopes=[Scope("company")], by="test", at=NOON)


def tried(
    store: Store, password: str, login: str = "lin", at: datetime = NOON, address: str = "10.0.0.1"
) -> str | None:
    return sign_in(store, login, password, SETTINGS, at, address, "browser")


def acts(store: Store) -> list[str]:
    return store.audit.newest()["action"].to_list()[::-1]


def test_the_right_password_opens_a_session_whose_token_is_not_stored(store: Store, lin: str, tmp_path: Path) -> None:
    token = tried(store, RIGHT, login=" LIN ")
    assert token is not None and len(token) > 40
    found = person(store, token, SETTINGS, NOON)
    assert found is not None and found[0].user_id == lin
    assert acts(store)[-1] == "signed_in"
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    assert token.encode() not in kept and RIGHT.encode() not in kept
    assert b"$argon2id$" in kept


def test_wrong_unknown_locked_and_disabled_get_the_same_answer(store: Store, lin: str) -> None:
    assert tried(store, "wrong") is None
    assert tried(store, RIGHT, login="nobody") is None
    store.users.grant_role(store.users.add("o2", "o", None, roles=[], scopes=[], by="t", at=NOON), "owner", "t", NOON)
    store.users.disable(lin, "test", NOON)
    assert tried(store, RIGHT) is None
    assert acts(store).count("signin_failed") == 3


def test_failures_in_a_row_lock_the_account_and_time_opens_it(store: Store, lin: str) -> None:
    for _ in range(3):
        assert tried(store, "wrong") is None
    assert tried(store, RIGHT) is None, "locked: the right password does not help"
    assert tried(store, RIGHT, at=NOON + timedelta(minutes=9)) is None
    assert tried(store, RIGHT, at=NOON + timedelta(minutes=11)) is not None
    assert tried(store, "wrong", at=NOON + HOUR) is None
    assert tried(store, RIGHT, at=NOON + HOUR) is not None, "success begins the count anew"


def test_tries_at_the_same_time_are_all_counted(store: Store, lin: str) -> None:
    """The accident: a count that is read, compared and written lets a burst of tries through."""
    seen: list[bool] = []

    def attempt(_: int) -> None:
        found = store.users.begin_attempt("lin", NOON, 3, HOUR)
        assert found is not None
        seen.append(found.refused)

    assert at_once(8, attempt) == []
    assert seen.count(False) == 3


def test_an_address_that_tries_many_logins_is_refused_as_well(store: Store, lin: str) -> None:
    few = SETTINGS.model_copy(update={"most_failures_of_address": 2})
    for login in ("a", "b"):
        assert sign_in(store, login, "x", few, NOON, "10.0.0.9", "") is None
    assert sign_in(store, "lin", RIGHT, few, NOON, "10.0.0.9", "") is None
    assert sign_in(store, "lin", RIGHT, few, NOON, "10.0.0.8", "") is not None


@pytest.mark.parametrize("password", ["short", "x" * 201])
def test_a_password_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(PasswordError):
        hash_password(password)


def test_a_session_ends_by_age_by_idleness_by_revocation_and_with_its_person(store: Store, lin: str) -> None:
    token = tried(store, RIGHT)
    assert person(store, token, SETTINGS, NOON + timedelta(minutes=59)) is not None  # seen: idleness begins anew
    assert person(store, token, SETTINGS, NOON + timedelta(minutes=118)) is not None
    assert person(store, token, SETTINGS, NOON + timedelta(minutes=118 + 60)) is None
    busy = tried(store, RIGHT)
    for minutes in range(0, 480, 50):
        assert person(store, busy, SETTINGS, NOON + timedelta(minutes=minutes)) is not None
    assert person(store, busy, SETTINGS, NOON + timedelta(hours=8)) is None
    again = tried(store, RIGHT)
    found = person(store, again, SETTINGS, NOON)
    assert found is not None
    assert not store.sessions.revoke(found[1], "somebody else", "x", NOON)
    assert store.sessions.revoke(found[1], lin, lin, NOON)
    assert person(store, again, SETTINGS, NOON) is None
    last = tried(store, RIGHT)
    store.users.add("o2", "o", None, roles=["owner"], scopes=[], by="t", at=NOON)
    store.users.disable(lin, "t", NOON)
    assert person(store, last, SETTINGS, NOON) is None
    store.users.enable(lin, "t", NOON)
    assert person(store, last, SETTINGS, NOON) is None, "what ended stays ended"


def test_a_new_password_ends_the_other_sessions(store: Store, lin: str) -> None:
    here, there = tried(store, RIGHT), tried(store, RIGHT)
    found = person(store, here, SETTINGS, NOON)
    assert found is not None
    store.users.set_password(lin, hash_password("another long one"), lin, NOON, keep_session=found[1])
    assert person(store, here, SETTINGS, NOON) is not None
    assert person(store, there, SETTINGS, NOON) is None
    assert tried(store, RIGHT) is None


def test_rights_are_read_as_they_are_now_and_every_grant_is_in_the_audit(store: Store, lin: str) -> None:
    token = tried(store, RIGHT)
    store.users.grant_role(lin, "analyst", "boss", NOON)
    store.users.grant_role(lin, "analyst", "boss", NOON)
    store.users.grant_scope(lin, Scope("region", "华东"), "boss", NOON)
    found = person(store, token, SETTINGS, NOON)
    assert found is not None
    assert found[0].roles == {"owner", "analyst"}
    assert found[0].scopes == {Scope("company"), Scope("region", "华东")}
    assert store.users.revoke_role(lin, "analyst", "boss", NOON)
    assert not store.users.revoke_role(lin, "analyst", "boss", NOON)
    assert store.users.revoke_scope(lin, Scope("company"), "boss", NOON)
    found = person(store, token, SETTINGS, NOON)
    assert found is not None
    assert (found[0].roles, found[0].scopes) == ({"owner"}, {Scope("region", "华东")})
    assert acts(store)[-4:] == ["role_granted", "scope_granted", "role_revoked", "scope_revoked"]
    assert store.audit.newest(1).row(0, named=True)["user_id"] == "boss"


def test_the_last_owner_stays(store: Store, lin: str) -> None:
    for act in (
        lambda: store.users.disable(lin, "x", NOON),
        lambda: store.users.revoke_role(lin, "owner", "x", NOON),
    ):
        with pytest.raises(StoreError, match="owner"):
            act()
    user = store.users.by_id(lin)
    assert user is not None and user.roles == {"owner"} and user.disabled_at is None


def test_logins_are_unique_whatever_their_spelling(store: Store, lin: str) -> None:
    for same in ("LIN", " lin ", "ｌｉｎ"):
        with pytest.raises(StoreError, match="taken"):
            store.users.add(same, "x", None, roles=[], scopes=[], by="t", at=NOON)
    for bad in ("", "  ", "a b", "a\nb", "x" * 201):
        with pytest.raises(StoreError, match="login"):
            login_of(bad)


def test_only_one_of_two_first_visitors_becomes_the_owner(store: Store) -> None:
    def come(number: int) -> None:
        store.users.add(
            f"owner{number}", "x", None, roles=["owner"], scopes=[], by="setup", at=NOON, only_as_first=True
        )

    failures = at_once(4, come)
    assert len(failures) == 3 and all(isinstance(one, StoreError) for one in failures)
    assert len(store.users.all()) == 1


@pytest.mark.parametrize(("kind", "value"), [("planet", "x"), ("region", ""), ("company", "x")])
def test_a_scope_says_what_it_is_of(kind: str, value: str) -> None:
    with pytest.raises(StoreError):
        Scope(kind, value)


def test_the_demos_people_come_once_and_never_to_a_company_that_has_its_own(
    store: Store, lin: str, tmp_path: Path
) -> None:
    assert not add_demo_people(store, tmp_path, NOON)
    assert not is_demo(tmp_path)
    home = tmp_path / "demo"
    home.mkdir()
    with Store.open(f"sqlite:///{home / 'store.db'}") as fresh:
        assert add_demo_people(fresh, home, NOON) and add_demo_people(fresh, home, NOON)
        assert [user.login for user in fresh.users.all()] == ["owner", "region", "store"]
        assert is_demo(home)
        assert sign_in(fresh, "store", DEMO_PASSWORD, SETTINGS, NOON, "x", "") is not None
