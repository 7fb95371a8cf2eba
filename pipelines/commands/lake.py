"""``scrm lake``: what has landed, and whether it is sound."""

from typing import Annotated

import typer
from rich.table import Table

from models.settings import Settings
from pipelines.commands.output import AsJson, emit, fail
from pipelines.workspace import Workspace

app = typer.Typer(help="The lake: committed batches, and a full check of their files.", no_args_is_help=True)


@app.command()
def batches(
    last: Annotated[int, typer.Option(help="how many, the newest last", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """Committed batches with their accounting.

    Example: `scrm lake batches --last 50`

    Exit codes: 0 done.
    """
    table = Table("seq", "landed", "source", "files", "rows", "accepted", "quarantined", "skipped", title="Batches")
    found = []
    for entry in Workspace(Settings()).lake.entries()[-last:]:
        counts = entry.accounting
        numbers = [] if counts is None else [counts.rows, counts.accepted, counts.quarantined, counts.skipped]
        table.add_row(
            str(entry.seq), entry.landed_at, entry.source, str(len(entry.files)), *(f"{n:,}" for n in numbers)
        )
        found.append(
            {"seq": entry.seq, "landed_at": entry.landed_at, "source": entry.source, "files": len(entry.files)}
            | dict(zip(("rows", "accepted", "quarantined", "skipped"), numbers, strict=False))
        )
    emit({"batches": found}, as_json=as_json, table=table)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Read every committed file and compare its sha256 with the manifest.

    Example: `scrm lake verify`

    Exit codes: 0 sound, 1 damage was found (each file is named).
    """
    lake = Workspace(Settings()).lake
    problems = lake.verify()
    if problems and not as_json:
        fail("\n".join(problems))
    files = sum(len(entry.files) for entry in lake.entries())
    table = Table("batches", "files", "problems")
    table.add_row(str(lake.head()), str(files), "0")
    emit({"batches": lake.head(), "files": files, "problems": problems}, as_json=as_json, table=table)
    if problems:
        raise typer.Exit(1)
