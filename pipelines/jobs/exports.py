"""``export_audience``: an audience as files, with the rights and the scope that the person has now."""

from datetime import UTC, datetime
from typing import Any

from models.documents.audience import load_audiences
from models.serving import Snapshots, Viewer
from models.serving.people import viewer_of
from models.store import Job
from pipelines.channels.file import ExportError, export_audience
from pipelines.jobs import Tell
from pipelines.jobs.permission import check_permission
from pipelines.workspace import Workspace


def handle_export_audience(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``audience``, optional ``formats`` (csv, xlsx). Result: as ``scrm audience export``, file names only.

    Begun again after a death it writes a new export: what the first one wrote may have been taken, so both lines stay
    in the audit. Raises ExportError and as ``export_audience``.
    """
    settings = workspace.settings
    documents = load_audiences(settings.rulebooks)
    name = str(job.arguments["audience"])
    if name not in documents:
        raise ExportError(f"no audience {name!r}; known: {', '.join(documents) or '(none)'}")
    snapshot = Snapshots(settings.published_dir).current()
    user = check_permission(workspace.store, job)
    viewer = Viewer.owner_of_the_company(job.requested_by) if user is None else viewer_of(user, snapshot)
    tell(0, 1, "export")
    report = export_audience(
        documents[name],
        source=snapshot,
        store=workspace.store,
        viewer=viewer,
        folder=settings.exports_dir,
        now=datetime.now(UTC).replace(tzinfo=None),
        zone=settings.zone,
        formats=tuple(job.arguments.get("formats") or ("csv", "xlsx")),
        export_id=f"{job.job_id}{job.attempts if job.attempts > 1 else ''}",
    )
    return {
        "export_id": report.export_id,
        "audience": report.audience,
        "publication": report.publication,
        "members": report.members,
        "rows": report.rows,
        "left_out": dict(report.left_out),
        "files": [{"name": file.path.name, "rows": file.rows, "bytes": file.bytes} for file in report.files],
    }
