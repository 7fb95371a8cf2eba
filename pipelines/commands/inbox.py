"""``scrm inbox``: one pass over the drop folder."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from models.settings import Settings
from pipelines import inbox as drops
from pipelines.commands.output import FAILED, AsJson, emit, rows_table
from pipelines.workspace import Workspace

COLUMNS = ("file", "dataset", "state", "batch", "rows", "accepted", "quarantined", "what to do")


def inbox(
    wait: Annotated[bool, typer.Option("--wait", help="first wait until files that just arrived have settled")] = False,
    as_json: AsJson = False,
) -> None:
    """Import every file that lies in the home's inbox/<dataset>/, each once; `scrm up` does it by itself.

    A mapping lies beside its file as <name>.map.yaml, or as default.map.yaml for the whole folder; without one the
    proposal is used when it is complete. Imported files move to inbox/done, refused ones to inbox/failed with a note.

    Example: `scrm inbox --wait`

    Exit codes: 0 nothing was refused, 1 a file was refused (its note says why).
    """
    settings = Settings()
    if settings.home.exists():
        drops.prepare(settings)
    if wait:
        time.sleep(settings.inbox.settle_seconds)
    taken = drops.take_all(Workspace(settings), datetime.now(UTC))
    left, fresh = drops.waiting(settings, datetime.now(UTC))
    rows = [(t.file, t.dataset, t.state, t.seq, t.rows, t.accepted, t.quarantined, t.words) for t in taken]
    data = {"files": [one.as_dict() for one in taken], "still_being_written": fresh + len(left)}
    emit(data, as_json=as_json, table=rows_table(f"Inbox ({data['still_being_written']} not settled)", COLUMNS, rows))
    if any(one.state == "failed" for one in taken):
        raise typer.Exit(FAILED)
