"""``scrm settings`` and ``scrm docs``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from models.settings import PROJECT_ROOT
from models.settings import Settings as SettingsType
from pipelines.commands.output import emit

DOCS = PROJECT_ROOT / "docs"


def settings(as_json: Annotated[bool, typer.Option("--json", help="machine-readable result")] = False) -> None:
    """What is set, from the environment and scrm.toml; secrets are stars.

    Example: `scrm settings`

    Exit codes: 0 done.
    """
    shown = SettingsType().shown()
    table = Table("setting", "value", title="Settings")
    for name, value in shown.items():
        table.add_row(name, str(value))
    emit(shown, as_json=as_json, table=table)


def docs(as_json: Annotated[bool, typer.Option("--json", help="machine-readable result")] = False) -> None:
    """Write the pages that are generated from the code: datasets, settings, commands.

    Example: `scrm docs`

    Exit codes: 0 done.
    """
    from pipelines.commands import pages
    from pipelines.sources.files import dataset_pages

    written = {
        "datasets.md": dataset_pages.render(),
        "settings.md": pages.settings_page(),
        "commands.md": pages.commands_page(),
    }
    for name, text in written.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    table = Table("page")
    for name in written:
        table.add_row(str(Path("docs") / name))
    emit({"pages": sorted(written)}, as_json=as_json, table=table)
