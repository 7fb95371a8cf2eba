"""One's own account: who I am here, what I may see, my sessions, my password."""

import polars as pl
import streamlit as st

from dashboards import access, data, frame, tables
from dashboards.rights import roles_in_words, scopes_in_words
from dashboards.text import Words
from models.store import User
from models.store.signin import SHORTEST_PASSWORD, PasswordError, hash_password, verified


def show() -> None:
    words = Words(frame.language())
    st.title(words("account.title"), anchor=False)
    user, digest = access.current_person()
    _card(words, user)
    _sessions(words, user, digest)
    _password(words, user, digest)


def _card(words: Words, user: User) -> None:
    lines = {
        "column.name": user.name,
        "column.login": user.login,
        "column.roles": roles_in_words(words, user.roles),
        "column.scopes": scopes_in_words(words, user.scopes),
        "column.staff_userid": user.staff_userid,
    }
    with st.container(border=True), st.grid(4, min_column_width=150):
        for label, value in lines.items():
            if value:
                with st.container(gap=None):
                    st.caption(words(label))
                    st.text(value)


def _sessions(words: Words, user: User, digest: str) -> None:
    st.subheader(words("account.sessions"), anchor=False)
    st.caption(words("account.sessions_note"))
    store, now = data.store(), access.now()
    found = store.sessions.of(user.user_id, now, access.idle_time())
    zone = data.settings().timezone
    shown = pl.DataFrame(
        {
            "this": [session.token_sha256 == digest for session in found],
            "started": [session.created_at for session in found],
            "seen": [session.last_seen_at for session in found],
            "address": [session.address for session in found],
            "browser": [session.user_agent for session in found],
        },
        schema_overrides={"started": pl.Datetime("us"), "seen": pl.Datetime("us")},
    ).with_columns(
        pl.col("started", "seen").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d %H:%M")
    )
    row = tables.pick(
        shown,
        {
            "started": words("column.started"),
            "seen": words("column.seen"),
            "this": words("column.this_browser"),
            "address": words("column.address"),
            "browser": words("column.browser"),
        },
        key="account_sessions",
    )
    with st.container(horizontal=True):
        if row is not None and st.button(words("account.end_session"), key="account_end"):
            store.sessions.revoke(found[row].token_sha256, user.user_id, user.user_id, now)
            st.rerun()
        if st.button(words("account.end_all"), key="account_end_all"):
            store.sessions.revoke_all(user.user_id, user.user_id, now)
            st.rerun()


def _password(words: Words, user: User, digest: str) -> None:
    if not user.has_password:
        return
    st.subheader(words("account.password"), anchor=False)
    with st.form("account_password", clear_on_submit=True, width=420):
        old = st.text_input(words("account.old_password"), type="password", autocomplete="current-password")
        new = st.text_input(
            words("signin.new_password", n=SHORTEST_PASSWORD), type="password", autocomplete="new-password"
        )
        repeat = st.text_input(words("signin.repeat"), type="password", autocomplete="new-password")
        if not st.form_submit_button(words("account.change_password")):
            return
    store = data.store()
    if new != repeat:
        st.error(words("signin.unequal"))
    elif not _right(user, old):
        st.error(words("account.wrong_password"))
    else:
        try:
            store.users.set_password(user.user_id, hash_password(new), user.user_id, access.now(), keep_session=digest)
        except PasswordError:
            st.error(words("signin.bad_password"))
        else:
            st.success(words("account.password_changed"))


def _right(user: User, password: str) -> bool:
    """Counted like a sign-in: who finds a browser open must not try passwords in it."""
    store, settings = data.store(), data.settings().signin
    attempt = store.users.begin_attempt(user.login, access.now(), settings.most_failures, access.lock_time())
    if attempt is None or attempt.refused or not verified(attempt.password_hash, password):
        store.audit.record(user.user_id, "password_refused", "user", user.user_id, {}, access.now())
        return False
    store.users.attempt_succeeded(user.user_id)
    return True


show()
