"""Bring a file in: upload, see how it is read, confirm, get the rejected rows back, publish.

The page asks (``store.jobs``) and a worker does. The job's id stands in the address, so a reload loses nothing.
"""

from typing import Any

import streamlit as st

from dashboards import access, data, frame, import_mapping, import_results, waiting
from dashboards.text import Words
from models import uploads
from models.documents.mapping import file_datasets
from models.serving import Viewer
from models.store import Job, JobQueue, JobRefusedError

_JOB = "job"  # in the address


def show() -> None:
    words, viewer = _opened()
    job_id = st.query_params.get(_JOB)
    if not job_id:
        _upload(words, viewer)
        import_results.history(words, data.store(), viewer, data.settings().zone, _go_to)
        return
    if st.button(words("imports.another"), icon=":material/arrow_back:", key="imports_another"):
        del st.query_params[_JOB]
        st.rerun()
    try:
        job = _queue().get(job_id[:64], viewer)
    except JobRefusedError:
        st.info(words("imports.no_job"))
        return
    if job.is_open:
        waiting.show(words, job.job_id, "imports", "imports")
    elif job.status == "done" and job.result is not None:
        _done(words, viewer, job, dict(job.result))
    else:
        import_results.not_done(words, job)


def _opened() -> tuple[Words, Viewer]:
    """Title and viewer. No snapshot is needed: this is where a company without data begins."""
    words = Words(frame.language())
    st.title(words("imports.title"), anchor=False)
    return words, access.current_viewer()


def _queue() -> JobQueue:
    return data.store().jobs


def _go_to(job_id: str) -> None:
    st.query_params[_JOB] = job_id


def _ask(viewer: Viewer, kind: str, arguments: dict[str, Any], dedupe_key: str) -> None:
    """Queue an action and turn the page to it. A second click finds the first one's job."""
    job = _queue().ask(kind, arguments, viewer.user_id, f"{viewer.user_id}:{dedupe_key}")
    _go_to(job.job_id)


def _upload(words: Words, viewer: Viewer) -> None:
    settings = data.settings()
    st.caption(words("imports.note", days=settings.keep_uploads_days))
    with st.form("imports_upload"):
        handed = st.file_uploader(
            words("imports.file", megabytes=settings.upload_megabytes),
            max_upload_size=settings.upload_megabytes,
            key="imports_file",
        )
        dataset = st.selectbox(
            words("imports.dataset"),
            [None, *file_datasets()],
            format_func=lambda name: (
                words("imports.find_out") if name is None else import_mapping.dataset_name(words, name)
            ),
            key="imports_dataset",
        )
        sent = st.form_submit_button(words("imports.look"), type="primary", key="imports_look")
    if not sent:
        return
    if handed is None:
        st.warning(words("imports.no_file"))
        return
    try:
        upload = uploads.keep(handed, handed.name, settings.uploads_dir, settings.upload_megabytes * 1024**2)
    except uploads.UploadError as error:
        import_results.refused(words, str(error))
        return
    arguments = {"sha256": upload.sha256, "name": upload.name, "dataset": dataset}
    _ask(viewer, "propose_import", arguments, f"{upload.sha256}:{upload.name}:{dataset}")
    st.rerun()


def _done(words: Words, viewer: Viewer, job: Job, result: dict[str, Any]) -> None:
    if job.kind == "propose_import":
        _proposal(words, viewer, job, result)
    elif job.kind == "import_file":
        import_results.imported(words, data.settings(), job, result, lambda: _told(viewer, "repair", job.job_id))
        if st.button(words("imports.run"), type="primary", icon=":material/publish:", key="imports_run"):
            _told(viewer, "run", "")
            _ask(viewer, "run", {}, "run")
            st.rerun()
        st.caption(words("imports.run_note"))
    else:
        import_results.published(words, result)


def _told(viewer: Viewer, action: str, object_id: str) -> None:
    """What people take out and set going stands in the audit."""
    data.store().audit.record(viewer.user_id, action, "import", object_id, {}, access.now())


def _proposal(words: Words, viewer: Viewer, job: Job, proposal: dict[str, Any]) -> None:
    upload = {"sha256": job.arguments["sha256"], "name": job.arguments["name"]}
    import_results.file_head(words, proposal, data.settings().zone)
    _choices(words, viewer, job, proposal, upload)
    st.subheader(words("imports.mapping"), anchor=False)
    st.caption(words("imports.mapping_note"))
    edited = import_mapping.edit(words, f"map_{job.job_id[:12]}", proposal)
    routes = [import_mapping.dataset_name(words, route["dataset"]) for route in proposal["mapping"].get("routes", [])]
    if routes:
        st.caption(words("imports.routes", datasets=words("word.separator").join(routes)))
    if edited.missing:
        names = [import_mapping.label(words, proposal["dataset"], name) for name in edited.missing]
        st.warning(words("imports.missing", columns=words("word.separator").join(names)))
    for problem in edited.problems:
        st.text(problem)
    unchanged = import_mapping.same(edited, proposal)
    if not unchanged:
        if (
            st.button(words("imports.look_again"), type="primary", disabled=edited.mapping is None, key="imports_again")
            and edited.mapping is not None
        ):
            mapping = edited.mapping
            _ask(viewer, "propose_import", {**upload, "mapping": edited.document}, f"{upload}:{mapping.version}")
            st.rerun()
        return
    ready = import_results.preview(words, proposal)
    if st.button(words("imports.confirm"), type="primary", disabled=not ready, key="imports_confirm"):
        _told(viewer, "import", upload["sha256"][:16])
        mapping_key = edited.mapping.version if edited.mapping is not None else ""
        _ask(viewer, "import_file", {**upload, "mapping": proposal["mapping"]}, f"{upload}:{mapping_key}")
        st.rerun()


def _choices(words: Words, viewer: Viewer, job: Job, proposal: dict[str, Any], upload: dict[str, str]) -> None:
    """Another dataset, or a shipped layout, is another look at the file."""
    likely = [one["dataset"] for one in proposal["datasets"]]
    with st.grid(2, min_column_width=260):
        dataset = st.selectbox(
            words("imports.dataset"),
            likely,
            index=likely.index(proposal["dataset"]),
            format_func=lambda name: import_mapping.dataset_name(words, name),
            key=f"imports_dataset_{job.job_id[:12]}",
        )
        layouts = [None, *proposal["layouts"]]
        stated = proposal["basis_name"] if proposal["basis"] == "layout" else None
        layout = st.selectbox(
            words("imports.layout"),
            layouts,
            index=layouts.index(stated) if stated in layouts else 0,
            format_func=lambda name: words("imports.no_layout") if name is None else words.code("layout", name),
            disabled=len(layouts) == 1,
            key=f"imports_layout_{job.job_id[:12]}",
        )
    if layout != stated and layout is not None:
        _ask(viewer, "propose_import", {**upload, "layout": layout}, f"{upload}:layout:{layout}")
    elif dataset != proposal["dataset"] or layout != stated:
        _ask(viewer, "propose_import", {**upload, "dataset": dataset}, f"{upload}:dataset:{dataset}")
    else:
        return
    st.rerun()


show()
