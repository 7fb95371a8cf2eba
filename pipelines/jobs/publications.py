"""``propose_rulebook`` and ``approve_rulebook``: a version of the settlement rulebook, by two people from the page."""

from datetime import UTC, datetime
from typing import Any

from models.serving.roles import PUBLISHERS
from models.settlement.months import day_of
from models.store import Job
from pipelines import rulebooks
from pipelines.jobs import Tell
from pipelines.jobs.permission import NotPermittedError, check_whole_company
from pipelines.workspace import Workspace


def handle_propose_rulebook(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``draft``, the text; ``effective_from``, a day; ``reason``. Result: version and effective_from.

    Begun again it finds its own proposal. Raises DocumentError, MonthsError, RulebookRefusedError,
    PublicationRefusedError, NotPermittedError.
    """
    check_whole_company(workspace, job, "the settlement rulebook")
    content, by = str(job.arguments["draft"]), job.requested_by
    day = day_of(str(job.arguments["effective_from"]))
    tell(0, 1, "check_rules")
    for one in workspace.store.rulebooks.pending():
        if (one.content, one.effective_from, one.proposed_by) == (content, day, by) and (
            one.proposed_at >= job.requested_at
        ):
            return {"version": one.version, "effective_from": day.isoformat()}
    at, reason = _now(), str(job.arguments.get("reason", ""))
    made = rulebooks.propose(workspace, content, "draft", effective_from=day, reason=reason, actor=by, at=at)
    return _recorded(workspace, job, "rulebook_proposed", made.version, day.isoformat())


def handle_approve_rulebook(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``version``, the proposal's whole content hash; ``reason``. Result: version and effective_from.

    Begun again it finds what it published. Raises RulebookRefusedError, PublicationRefusedError, NotPermittedError.
    """
    user = check_whole_company(workspace, job, "the settlement rulebook")
    if user is not None and not user.roles & PUBLISHERS:
        raise NotPermittedError(f"the roles of {user.login} do not approve rulebooks; an owner or finance does")
    version, by = str(job.arguments["version"]), job.requested_by
    tell(0, 1, "check_rules")
    for one in workspace.store.rulebooks.published():
        if (one.version, one.approved_by) == (version, by) and one.approved_at >= job.requested_at:
            rulebooks.land_published(workspace.lake, workspace.store)
            return {"version": version, "effective_from": one.effective_from.isoformat()}
    done = rulebooks.approve(workspace, version, actor=by, at=_now(), reason=str(job.arguments.get("reason", "")))
    return _recorded(workspace, job, "rulebook_approved", done.version, done.effective_from.isoformat())


def _recorded(workspace: Workspace, job: Job, action: str, version: str, day: str) -> dict[str, Any]:
    workspace.store.audit.record(job.requested_by, action, "rulebook", version, {"effective_from": day}, _now())
    return {"version": version, "effective_from": day}


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
