"""``scrm doctor``: what is wrong with this installation, and what to do."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from models.settings import Settings
from pipelines import doctor as checks
from pipelines.commands.output import FAILED, AsJson, emit, rows_table


def doctor(
    full: Annotated[bool, typer.Option("--full", help="read every byte of the lake and the store")] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, disk, packages, lake, store, snapshot, runs, alerts, inbox, backups and ports.

    Looking changes nothing. Each finding has a state (ok, warning, error), words and a remedy.

    Example: `scrm doctor --full`

    Exit codes: 0 no errors (warnings may be there), 1 at least one error.
    """
    findings = checks.examine(Settings(), full=full, now=datetime.now(UTC))
    rows = [(found.state, found.check, found.words, found.remedy) for found in findings]
    table = rows_table("Doctor", ("state", "check", "what was found", "what to do"), rows)
    state = checks.worst(findings)
    emit({"state": state, "findings": [found.as_dict() for found in findings]}, as_json=as_json, table=table)
    if state == "error":
        raise typer.Exit(FAILED)
