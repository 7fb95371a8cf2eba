"""A page that waits for a worker: how far the job is, once a second, and the way to take it back."""

import streamlit as st

from dashboards import access, data
from dashboards.text import Words
from models.serving import Viewer
from models.store import Job, JobRefusedError

_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 10  # waiting longer than this, nobody seems to be at work


@st.fragment(run_every=_POLL_SECONDS)
def show(words: Words, job_id: str, page: str, name: str) -> None:
    """How far the job is; when it has ended the page is drawn anew. ``name``: begins the keys of what is shown.

    It reruns by itself, so it asks who looks by itself: a session or a role that was ended meanwhile must not go on
    here, and the page drawn anew says what is the matter.
    """
    try:
        viewer = access.current_viewer()
        job = data.store().jobs.get(job_id, viewer)
    except (access.AccessDenied, JobRefusedError):
        st.rerun()
    if not viewer.may_open(page) or not job.is_open:
        st.rerun()
    st.subheader(words.code("job_kind", job.kind), anchor=False)
    if job.arguments.get("name"):
        st.text(str(job.arguments["name"]))
    if job.status == "queued":
        st.progress(0.0, words("waiting.queued"))
        if (access.now() - job.requested_at).total_seconds() > _PATIENCE_SECONDS:
            st.warning(words("waiting.no_worker"))
        if st.button(words("waiting.cancel"), key=f"{name}_cancel"):
            _cancelled(words, job, viewer)
        return
    told = dict(job.progress or {})
    now = str(told.get("now", ""))
    done = min(1.0, int(told.get("done", 0)) / max(1, int(told.get("steps", 1))))
    st.progress(done, words("waiting.under_way", step=words.known("job_step", now) or now or "…"))


def _cancelled(words: Words, job: Job, viewer: Viewer) -> None:
    try:
        data.store().jobs.cancel(job.job_id, viewer)
    except JobRefusedError:
        st.info(words("waiting.too_late"))  # a worker has just begun it
        return
    st.rerun()
