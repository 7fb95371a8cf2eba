"""``scrm quarantine``: rejected rows, listed and handed back."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from models.documents.mapping import write_beside
from models.settings import Settings
from pipelines.commands.output import AsJson, emit, fail, plain, rows_table
from pipelines.sources.files.handing_back import export_rejects, listing
from pipelines.workspace import Workspace

app = typer.Typer(help="Rows that broke a rule: set apart, listed, handed back as a file.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """What is in quarantine and still open, by file, column and rule, with one masked example each.

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

    The mapping by which they were read is written beside the file. Rows of an order or record that a later file held
    again are not handed back.

    Example: `scrm quarantine export repair.csv --as orders --from orders.csv`

    Exit codes: 0 done; 1 there is nothing to hand back, or the rows come from files with different columns.
    """
    found = export_rejects(Workspace(Settings()).lake, file, dataset=dataset, file=source)
    if found.rows == 0:
        fail("nothing in quarantine matches; `scrm quarantine list` shows what there is")
    map_ = None if found.mapping is None else write_beside(file, found.mapping.dump())
    shown: list[RenderableType] = [rows_table("Handed back", ("rows", "file"), [(found.rows, file)])]
    if found.mapping is not None:
        command = f"scrm import {shlex.quote(str(file))} --as {found.mapping.dataset} --map {shlex.quote(str(map_))}"
        shown.append(plain(f"next: repair it, then `{command}`"))
    emit({"rows": found.rows, "file": str(file), "map": map_ and str(map_)}, as_json=as_json, table=Group(*shown))
