"""``scrm settings`` and ``scrm docs``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from models.settings import PROJECT_ROOT
from models.settings import Settings as SettingsType
from pipelines.commands.output import AsJson, emit, fail

DOCS = PROJECT_ROOT / "docs"


def settings(as_json: AsJson = False) -> None:
    """What is set, from the environment and scrm.toml; secrets are stars.

    Example: `scrm settings`

    Exit codes: 0 done.
    """
    shown = SettingsType().shown()
    table = Table("setting", "value", title="Settings")
    for name, value in shown.items():
        table.add_row(name, str(value))
    emit(shown, as_json=as_json, table=table)


def card(
    out: Annotated[Path | None, typer.Option(help="write it here instead of printing it", dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """The card of the newest churn estimator: data span, cut-offs, figures beside simple rules, known failures.

    Example: `SCRM_HOME=data/demo scrm card --out ml/churn/CARD.md`

    Exit codes: 0 done, 1 nothing was trained yet.
    """
    from pipelines.lake import Lake

    lake = Lake(SettingsType().lake_dir)
    cards = lake.files("documents", "card-churn")
    if not cards:
        fail("no estimator was trained yet; `scrm run` trains one")
    text = lake.content(cards[-1][1]).decode()
    if out is not None:
        out.write_text(text, encoding="utf-8")
    if as_json or out is not None:
        emit({"artifact_id": cards[-1][0].details["artifact_id"], "card": text if out is None else str(out)}, as_json)
    else:
        typer.echo(text)


def docs(as_json: AsJson = False) -> None:
    """Write the pages that are generated from the code: datasets, settings, commands, metrics.

    Example: `scrm docs`

    Exit codes: 0 done.
    """
    from pipelines.commands import pages
    from pipelines.sources.files import dataset_pages

    written = {
        "datasets.md": dataset_pages.render(),
        "settings.md": pages.settings_page(),
        "commands.md": pages.commands_page(),
        "metrics.md": pages.metrics_page(),
    }
    for name, text in written.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    table = Table("page")
    for name in written:
        table.add_row(str(Path("docs") / name))
    emit({"pages": sorted(written)}, as_json=as_json, table=table)
