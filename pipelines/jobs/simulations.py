"""``simulate_identity``: what a draft of the identity registry would change, for viewers of the whole company."""

from dataclasses import asdict
from typing import Any

from models.documents.identity import IdentityRegistry
from models.serving import Snapshots
from models.serving.people import viewer_of
from models.store import Job
from pipelines.identity_simulation import simulate
from pipelines.jobs import Tell
from pipelines.jobs.permission import NotPermittedError, check_permission
from pipelines.workspace import Workspace


def handle_simulate_identity(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``draft``, the text of the document. Result: as ``scrm identity simulate --json``.

    It writes nothing, so that beginning again is no harm. Raises DocumentError, NothingToCompareError, and
    NotPermittedError for a person who does not see every store.
    """
    settings = workspace.settings
    user = check_permission(workspace.store, job)
    if user is not None and not viewer_of(user, Snapshots(settings.published_dir).current()).sees_all_stores:
        raise NotPermittedError("who is who is for those who see the whole company")
    draft = IdentityRegistry.parse(str(job.arguments["draft"]), name="draft")
    tell(0, 1, "simulate")
    return asdict(simulate(settings, draft, settings.home / "scratch" / "identity-draft"))
