"""May the person who asked for a job have it done. Asked when it begins: a role may be gone since it was asked for."""

from models.errors import ExpectedError
from models.serving import Snapshots, roles
from models.serving.people import viewer_of
from models.store import Job, Store, User
from pipelines.workspace import Workspace

#: What a kind needs: the right to open a page, or to take audiences out.
PAGE_OF = {
    **dict.fromkeys(("propose_import", "import_file", "run"), "imports"),
    "simulate_identity": "identity_review",
    **dict.fromkeys(("simulate_settlement", "propose_rulebook", "approve_rulebook"), "rules"),
}
EXPORTS = ("export_audience",)


class NotPermittedError(ExpectedError):
    """The person may not ask for this kind of action, or no longer."""


def check_permission(store: Store, job: Job) -> User | None:
    """The person who asked; None while nobody has an account and who sits at the machine asks.

    Raises NotPermittedError for a person who is gone or disabled, and for one whose roles do not allow the kind.
    """
    if not store.users.exist():
        return None
    user = store.users.by_id(job.requested_by)
    if user is None or user.disabled_at is not None:
        raise NotPermittedError("who asked for this has no account here any more")
    allowed = roles.exports(user.roles) if job.kind in EXPORTS else roles.opens(user.roles, PAGE_OF[job.kind])
    if not allowed:
        raise NotPermittedError(f"the roles of {user.login} do not include this action; an owner grants roles")
    return user


def check_whole_company(workspace: Workspace, job: Job, what: str) -> User | None:
    """The same for what concerns every store. Raises NotPermittedError too for a person who does not see all of them,
    NoSnapshotError before the first run."""
    user = check_permission(workspace.store, job)
    if user is not None:
        snapshot = Snapshots(workspace.settings.published_dir).current()
        if not viewer_of(user, snapshot).sees_all_stores:
            raise NotPermittedError(f"{what} is for those who see the whole company")
    return user
