"""``scrm``: the command line. Each noun has its module in ``pipelines.commands``; this one puts them together.

Exit codes of every command: 0 done, 1 failed (the message says why), 2 wrong usage, 3 a person must confirm.
"""

import typer

from pipelines.commands import (
    audiences,
    consents,
    demo,
    imports,
    lake,
    project,
    quarantine,
    runs,
    sandbox,
    screens,
    settlement,
    snapshots,
)

app = typer.Typer(
    name="scrm",
    help="Siyu 私域: an open SCRM customer data platform.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="markdown",
)

app.command("import")(imports.import_)
app.command("sync")(imports.sync)
app.command("run")(runs.run)
app.command("demo")(demo.demo)
app.command("dashboard")(screens.dashboard)
app.command("up")(screens.up)
app.command("settings")(project.settings)
app.command("docs")(project.docs)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(snapshots.app, name="snapshots")
app.add_typer(lake.app, name="lake")
app.add_typer(settlement.app, name="settlement")
app.add_typer(audiences.app, name="audience")
app.add_typer(consents.app, name="consents")
app.add_typer(sandbox.app, name="sandbox")
