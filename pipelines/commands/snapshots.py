"""``scrm snapshots``: what is published, and going back."""

from typing import Annotated

import typer
from rich.table import Table

from models.serving.pointer import available, read_pointer
from models.settings import Settings
from pipelines import publishing
from pipelines.commands.output import AsJson, emit

app = typer.Typer(help="Published snapshots: list them, go back to one.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Snapshots that are kept, the newest first; the current one is marked.

    Example: `scrm snapshots list`

    Exit codes: 0 done.
    """
    folder = Settings().published_dir
    current = read_pointer(folder)
    found = available(folder) if folder.exists() else []
    table = Table("", "version", "business date", "sequence", "MB", title="Published snapshots")
    rows = []
    for pointer in found:
        is_current = current is not None and pointer.file == current.file
        described = {
            "version": pointer.version,
            "business_date": pointer.business_date.isoformat(),
            "sequence": pointer.sequence,
            "bytes": pointer.bytes,
            "sha256": pointer.sha256,
            "current": is_current,
        }
        rows.append(described)
        table.add_row(
            "→" if is_current else "", pointer.version, pointer.business_date.isoformat(), str(pointer.sequence),
            f"{pointer.bytes / 1e6:.1f}",
        )  # fmt: skip
    emit({"snapshots": rows}, as_json=as_json, table=table)


@app.command()
def rollback(
    version: Annotated[str, typer.Argument(help="a version of `scrm snapshots list`")],
    as_json: AsJson = False,
) -> None:
    """Make an older snapshot current again; open dashboards follow on their next rerun.

    Example: `scrm snapshots rollback 20260701-9-1`

    Exit codes: 0 done, 1 the version is not kept or is damaged.
    """
    pointer = publishing.rollback(Settings().published_dir, version)
    table = Table("current version", "publication")
    table.add_row(pointer.version, str(pointer.publication))
    emit({"version": pointer.version, "publication": pointer.publication}, as_json=as_json, table=table)
