"""``run``: build and publish, as ``scrm run`` does."""

from typing import Any

from models.store import Job
from pipelines.jobs import Tell
from pipelines.runner import Progress, run
from pipelines.workspace import Workspace


def handle_run(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``business_date`` (ISO) and ``to_seq``, both optional. Result: the run's report.

    Raises RunInProgressError when another run builds here, RunFailedError with the failed step's words.
    """

    def show(progress: Progress) -> None:
        tell(progress.done, progress.steps, progress.now)

    report = run(
        workspace.settings,
        business_date=str(job.arguments.get("business_date") or ""),
        to_seq=int(job.arguments.get("to_seq") or 0),
        on_progress=show,
    )
    return report.as_dict()
