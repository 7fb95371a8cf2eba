"""``scrm settlement publish``, ``approve``, ``withdraw``, ``versions`` and ``rollback``: the rulebook over time."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from models.documents.loading import DocumentError
from models.settings import Settings
from models.store import PublishedRulebook
from pipelines import rulebooks
from pipelines.commands import acting
from pipelines.commands.output import AsJson, emit, rows_table
from pipelines.rulebooks import before_the_newest, ground, history, known_versions, land_published, require_whole
from pipelines.workspace import Workspace

DAY = "%Y-%m-%d"
FirstDay = Annotated[datetime, typer.Option("--effective-from", help="the first day that takes it", formats=[DAY])]
Reason = Annotated[str, typer.Option(help="why, for those who read the history")]
Hash = Annotated[str, typer.Argument(metavar="HASH", help="content hash of the proposal, or how it begins")]


def publish(
    draft: Annotated[Path, typer.Argument(help="the rulebook to publish, YAML")],
    effective_from: FirstDay,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Propose a version of the rulebook; a second person approves it, then it holds from its day on.

    It must hold at every store on every day from then on, as `scrm settlement check` tells. Nothing changes before it
    is approved.

    Example: `scrm settlement publish draft.yaml --effective-from 2026-07-01 --reason "new brand fee"`

    Exit codes: 0 proposed, 1 refused; the message names every problem.
    """
    day = effective_from.date()
    proposal = rulebooks.propose(
        Workspace(Settings()),
        text_of(draft),
        draft.name,
        effective_from=day,
        reason=reason,
        actor=acting.author(),
        at=acting.now(),
    )
    told = {"proposed": proposal.version, "effective_from": day.isoformat(), "proposed_by": proposal.proposed_by}
    emit({**told, "next": f"a second person: scrm settlement approve {proposal.version}"}, as_json)


def approve(version: Hash, reason: Reason = "", as_json: AsJson = False) -> None:
    """Publish what another person proposed. It is checked again over the stores of now; runs take it from then on.

    What is closed stays: where a version reaches back, the difference is posted on the first open day.

    Example: `scrm settlement approve 3f2a9c --reason "as agreed in the meeting"`

    Exit codes: 0 published, 1 refused: it is your own, it does not hold, or nothing of that name waits.
    """
    workspace = Workspace(Settings())
    done = rulebooks.approve(workspace, version, actor=acting.author(), at=acting.now(), reason=reason)
    _landed(workspace, done, as_json=as_json)


def withdraw(version: Hash, reason: Reason = "", as_json: AsJson = False) -> None:
    """Take a proposal off the list; it stays in the history of the store.

    Example: `scrm settlement withdraw 3f2a9c --reason "the fee is 4 %"`

    Exit codes: 0 withdrawn, 1 refused.
    """
    store = Workspace(Settings()).store
    gone = store.rulebooks.withdraw(version, actor=acting.author(), at=acting.now(), reason=reason)
    emit({"withdrawn": gone.version, "effective_from": gone.effective_from.isoformat()}, as_json)


def versions(as_json: AsJson = False) -> None:
    """All versions of the settlement rulebook: since when known, from which day, by whom; and what waits for approval.

    Example: `scrm settlement versions`

    Exit codes: 0 done, 1 no run has taken a rulebook yet.
    """
    workspace = Workspace(Settings())
    known = history(workspace.lake)
    waiting = [
        {
            "version": one.version,
            "name": one.document.name,
            "event": "proposed",
            "effective_from": one.effective_from,
            "written_by": one.proposed_by,
            "reason": one.reason,
        }
        for one in workspace.store.rulebooks.pending()
    ]
    names = ("version", "name", "event", "effective_from", "known_from", "written_by", "approved_by", "reason")
    rows = [[str(row.get(name) or "") for name in names] for row in [*known, *waiting]]
    emit({"versions": known, "proposed": waiting}, as_json, rows_table("rulebooks of settlement", names, rows))


def rollback(effective_from: FirstDay, reason: Reason = "", as_json: AsJson = False) -> None:
    """Publish again, from a day on, the version before the newest. Two people agreed to it already; who goes back and
    why is kept.

    Example: `scrm settlement rollback --effective-from 2026-07-01 --reason "the fee was not agreed"`

    Exit codes: 0 published, 1 refused: there is none before, it does not hold, or no reason is given.
    """
    settings = Settings()
    workspace = Workspace(settings)
    land_published(workspace.lake, workspace.store)
    document, content = before_the_newest(workspace.lake)
    day = effective_from.date()
    require_whole(document, ground(settings), day)
    done = workspace.store.rulebooks.roll_back(
        document, content, effective_from=day, reason=reason, actor=acting.author(), at=acting.now()
    )
    _landed(workspace, done, as_json=as_json)


def _landed(workspace: Workspace, done: PublishedRulebook, *, as_json: bool) -> None:
    land_published(workspace.lake, workspace.store)
    known = known_versions(workspace.lake)[-1]
    told = {"published": done.version, "effective_from": done.effective_from.isoformat(), "event": done.event}
    emit({**told, "known_from": known.known_from, "next": "`scrm run` settles by it"}, as_json)


def text_of(path: Path) -> str:
    """A draft as it was written. Raises DocumentError in plain words."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path.name}: not UTF-8 ({error}); save it as UTF-8") from error
