"""Who is looking. ``streamlit_app`` asks ``current_viewer()`` on every rerun, and pages take what it found.

The browser's cookie is the session's token; session, person, roles and scopes are read from the store again on each
rerun, because Streamlit freezes the cookies of a page when it is opened and a role can be withdrawn in between.
"""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboards import data
from models.serving import NoSnapshotError, SnapshotDamagedError, Viewer, viewer_of
from models.store import User
from models.store.signin import person

SESSION_COOKIE = "siyu_session"
_VIEWER = "viewer_of_this_rerun"
_TOLD = "denials_told"


class AccessDenied(Exception):  # noqa: N818 - it is an answer to a person, not a fault
    """Nobody is signed in (any more); the page says so and shows nothing."""


def now() -> datetime:
    """Naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def idle_time() -> timedelta:
    return timedelta(minutes=data.settings().signin.idle_minutes)


def lock_time() -> timedelta:
    return timedelta(minutes=data.settings().signin.lock_minutes)


def current_viewer() -> Viewer:
    """The viewer of this rerun. Raises AccessDenied when the session is over."""
    user, _ = current_person()
    try:
        snapshot = data.snapshots(str(data.settings().published_dir)).current()
    except (NoSnapshotError, SnapshotDamagedError):
        snapshot = None  # the page will say so; who looks does not depend on it
    return viewer_of(user, snapshot)


def remember(viewer: Viewer) -> None:
    """Keep the viewer for the rest of this rerun; ``streamlit_app`` calls it first thing, with a fresh one."""
    st.session_state[_VIEWER] = viewer


def viewer_of_this_rerun() -> Viewer:
    """Whom ``streamlit_app`` let in a moment ago. Parts that rerun by themselves ask ``current_viewer`` instead."""
    viewer: Viewer = st.session_state[_VIEWER]
    return viewer


def current_person() -> tuple[User, str]:
    """Who is signed in, and the sha256 of the session's token. Raises AccessDenied when the session is over."""
    found = person(data.store(), st.context.cookies.get(SESSION_COOKIE), data.settings().signin, now())
    if found is None:
        raise AccessDenied
    return found


def denied(viewer: Viewer, asked: str) -> None:
    """Put a refusal into the audit, once per browser session and thing that was asked for."""
    told = st.session_state.setdefault(_TOLD, set())
    if asked not in told:
        told.add(asked)
        kind, _, name = asked.partition(":")
        data.store().audit.record(viewer.user_id, "denied", kind, name, {"roles": sorted(viewer.roles)}, now())


def sign_out() -> None:
    """End the session of this rerun and lead the browser to the sign-in page (see ``dashboards.signin``)."""
    user, digest = current_person()
    data.store().sessions.revoke(digest, user.user_id, user.user_id, now())
    st.logout()
