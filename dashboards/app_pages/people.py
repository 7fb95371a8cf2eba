"""Who may sign in: add people, give and take roles and scopes, end sessions, read the audit. For owners."""

import secrets
from collections.abc import Callable

import polars as pl
import streamlit as st

from dashboards import access, data, frame, tables
from dashboards.rights import roles_in_words, scope_in_words, scopes_in_words
from dashboards.text import Words
from models.serving import NoSnapshotError, SnapshotDamagedError
from models.serving.people import choices
from models.serving.roles import ROLES, NotAllowedError
from models.store import Scope, StoreError, User
from models.store.signin import hash_password

_AUDIT_ROWS = 200
_GIVEN = "people_given"  # a new password, shown once


def show() -> None:
    words = Words(frame.language())
    viewer = access.current_viewer()
    if not viewer.may_open("people"):  # the menu's gate has asked before; this page writes, so it asks again
        raise NotAllowedError("page:people")
    st.title(words("people.title"), anchor=False)
    st.caption(words("people.body"))
    given = st.session_state.pop(_GIVEN, None)
    if given is not None:
        st.success(words("people.given"))
        st.code(given, language=None)
    users = data.store().users.all()
    row = _list(words, users)
    if row is not None:
        _person(words, users[row], viewer.user_id)
    _add(words, viewer.user_id)
    _audit(words, users)


def _list(words: Words, users: list[User]) -> int | None:
    now = access.now()
    shown = pl.DataFrame(
        {
            "name": [user.name for user in users],
            "login": [user.login for user in users],
            "roles": [roles_in_words(words, user.roles) for user in users],
            "scopes": [scopes_in_words(words, user.scopes) for user in users],
            "staff": [user.staff_userid for user in users],
            "state": [_state(words, user, user.locked_until is not None and user.locked_until > now) for user in users],
        },
        schema_overrides={"staff": pl.String},
    )
    st.caption(words("people.pick"))
    return tables.pick(
        shown,
        {
            "name": words("column.name"),
            "login": words("column.login"),
            "roles": words("column.roles"),
            "scopes": words("column.scopes"),
            "state": words("column.state"),
            "staff": words("column.staff_userid"),
        },
        key="people_list",
    )


def _state(words: Words, user: User, is_locked: bool) -> str:
    if user.disabled_at is not None:
        return words("people.disabled")
    return words("people.locked") if is_locked else words("people.active")


def _scopes_offered() -> list[Scope]:
    """The company, and every region, department and store of the snapshot of now."""
    try:
        snapshot = data.snapshots(str(data.settings().published_dir)).current()
    except (NoSnapshotError, SnapshotDamagedError):
        return [Scope("company")]
    return choices(snapshot)


def _person(words: Words, user: User, by: str) -> None:
    store, now = data.store(), access.now()
    offered = sorted({*_scopes_offered(), *user.scopes})
    with st.form(f"person_{user.user_id}"):
        st.text(f"{user.name} ({user.login})")
        roles = st.multiselect(
            words("column.roles"), list(ROLES), sorted(user.roles), format_func=lambda role: words.code("role", role)
        )
        scopes = st.multiselect(
            words("column.scopes"), offered, sorted(user.scopes), format_func=lambda one: scope_in_words(words, one)
        )
        staff = st.text_input(words("people.staff"), user.staff_userid or "", max_chars=100)
        if st.form_submit_button(words("people.save")) and _tried(
            words, lambda: _change(user, frozenset(roles), frozenset(scopes), staff.strip() or None, by)
        ):
            st.rerun()
    with st.container(horizontal=True):
        if st.button(words("people.new_password"), key="people_password"):
            password = secrets.token_urlsafe(12)
            store.users.set_password(user.user_id, hash_password(password), by, now)
            st.session_state[_GIVEN] = password
            st.rerun()
        if st.button(words("account.end_all"), key="people_end"):
            store.sessions.revoke_all(user.user_id, by, now)
            st.rerun()
        if user.disabled_at is not None:
            if st.button(words("people.enable"), key="people_enable"):
                store.users.enable(user.user_id, by, now)
                st.rerun()
        elif st.button(words("people.disable"), key="people_disable") and _tried(
            words, lambda: store.users.disable(user.user_id, by, now)
        ):
            st.rerun()


def _change(user: User, roles: frozenset[str], scopes: frozenset[Scope], staff: str | None, by: str) -> None:
    """New rights first, so that the last owner can hand over."""
    users, now = data.store().users, access.now()
    for role in sorted(roles - user.roles):
        users.grant_role(user.user_id, role, by, now)
    for scope in sorted(scopes - user.scopes):
        users.grant_scope(user.user_id, scope, by, now)
    for role in sorted(user.roles - roles):
        users.revoke_role(user.user_id, role, by, now)
    for scope in sorted(user.scopes - scopes):
        users.revoke_scope(user.user_id, scope, by, now)
    if staff != user.staff_userid:
        users.set_staff(user.user_id, staff, by, now)


def _tried(words: Words, act: Callable[[], None]) -> bool:
    """Do it; False after saying that the store refused."""
    try:
        act()
    except StoreError:
        st.error(words("people.refused"))
        return False
    return True


def _add(words: Words, by: str) -> None:
    with st.expander(words("people.add")), st.form("people_add"):
        name = st.text_input(words("signin.name"), max_chars=100)
        login = st.text_input(words("people.login"), max_chars=200)
        roles = st.multiselect(words("column.roles"), list(ROLES), format_func=lambda role: words.code("role", role))
        scopes = st.multiselect(
            words("column.scopes"), _scopes_offered(), format_func=lambda one: scope_in_words(words, one)
        )
        staff = st.text_input(words("people.staff"), max_chars=100)
        if not st.form_submit_button(words("people.add")):
            return
        password = secrets.token_urlsafe(12)
        try:
            data.store().users.add(
                login,
                name,
                hash_password(password),
                roles=roles,
                scopes=scopes,
                by=by,
                at=access.now(),
                staff_userid=staff.strip() or None,
            )
        except StoreError:
            st.error(words("signin.bad_login"))
            return
        st.session_state[_GIVEN] = password
        st.rerun()


def _audit(words: Words, users: list[User]) -> None:
    st.subheader(words("people.audit"), anchor=False)
    names = {user.user_id: user.login for user in users}
    found = data.store().audit.newest(_AUDIT_ROWS)
    zone = data.settings().timezone
    shown = found.with_columns(
        pl.col("at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d %H:%M:%S"),
        pl.col("user_id").replace(names),
        pl.col("object_id").replace(names),
    )
    tables.show(
        tables.in_words(shown, words, action="act"),
        {
            "at": words("column.time"),
            "user_id": words("column.who"),
            "action": words("column.act"),
            "object_id": words("column.object"),
            "details": words("column.details"),
        },
        key="people_audit",
        height=400,
    )


show()
