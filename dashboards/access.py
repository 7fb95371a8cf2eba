"""Who is looking. Pages ask ``current_viewer()`` on every rerun; tests replace it.

There is no sign-in yet: the server listens on loopback only (``dashboards.server`` refuses anything else), and who
sits at the machine is the owner of the company. Sign-in will put the session's person here, read again from the
store on each rerun, because ``st.user`` is read once per session and a role can be withdrawn in between.
"""

import streamlit as st

from models.serving import Viewer


class AccessDenied(Exception):  # noqa: N818 - it is an answer to a person, not a fault
    """Nobody may look from there; the page says so and shows nothing."""


def current_viewer() -> Viewer:
    """The viewer of this rerun. Raises AccessDenied for a connection from another machine."""
    if st.context.ip_address is not None:
        raise AccessDenied
    return Viewer.owner_of_the_company()
