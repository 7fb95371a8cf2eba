"""``scrm quarantine``: rejected rows, listed and handed back."""

from pathlib import Path
from typing import Annotated

import typer

from models.settings import Settings
from pipelines.commands.output import AsJson, emit, fail, rows_table
from pipelines.quarantine import listing
from pipelines.sources.files.handing_back import export_rejects
from pipelines.workspace import Workspace

app = typer.Typer(help="Rows that broke a rule: set apart, listed, handed back as a file.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """What is in quarantine, by file, column and rule, with one masked example each.

    Example: `scrm quarantine list`

    Exit codes: 0 done.
    """
    found = listing(Workspace(Settings()).lake)
    rows = [["" if value is None else value for value in row] for row in found.iter_rows()]
    table = rows_table("Quarantine", found.columns, rows)
    emit({"rules": found.to_dicts()}, as_json=as_json, table=table)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="where to write the CSV", dir_okay=False)],
    dataset: Annotated[str | None, typer.Option("--as", help="only this dataset")] = None,
    source: Annotated[str | None, typer.Option("--from", help="only rows of this imported file")] = None,
    as_json: AsJson = False,
) -> None:
    """Write rejected rows as they came, with a last column that says what is wrong; repair and import again.

    Example: `scrm quarantine export repair.csv --as orders --from orders.csv`

    Exit codes: 0 done; 1 there is nothing to hand back, or the rows come from files with different columns.
    """
    count = export_rejects(Workspace(Settings()).lake, file, dataset=dataset, file=source)
    if count == 0:
        fail("nothing in quarantine matches; `scrm quarantine list` shows what there is")
    table = rows_table("Handed back", ("rows", "file"), [(count, file)])
    emit({"rows": count, "file": str(file)}, as_json=as_json, table=table)
