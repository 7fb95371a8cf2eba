"""``scrm demo``: a whole company on this machine."""

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from models.settings import Settings
from models.store import Store
from models.store.demo_people import PASSWORD, PEOPLE, add_demo_people
from pipelines.commands import acting, runs, screens
from pipelines.commands.output import AsJson, console, emit
from pipelines.demo import CUSTOMERS, DEMO_HOME, demo_settings, generate, load

NEXT = "is the demo company. Next: .venv/bin/scrm import YOUR.csv --as orders   (Ctrl-C stops)"


def demo(
    customers: Annotated[int, typer.Option(help="size of the company", min=100)] = CUSTOMERS,
    from_: Annotated[
        Path | None, typer.Option("--from", help="load this folder instead of generating", file_okay=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="forget an earlier demo first")] = False,
    check: Annotated[bool, typer.Option("--check", help="stop once the dashboard answers")] = False,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="stop after publishing")] = False,
    port: Annotated[int | None, typer.Option(help="the dashboard's port")] = None,
    as_json: AsJson = False,
) -> None:
    """Generate a company, serve its WeCom from a sandbox, sync, import, run, and open the dashboard.

    Everything stays in data/demo (or SCRM_HOME); your own data is not touched. The demo ends on 2026-06-30.

    Example: `scrm demo --check`

    Exit codes: 0 done, 1 a step failed.
    """
    started = time.monotonic()
    settings = demo_settings(Settings().home) if "home" in Settings().model_fields_set else demo_settings(DEMO_HOME)
    if fresh:
        shutil.rmtree(settings.home, ignore_errors=True)
    steps = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, disable=as_json
    )
    with steps:
        previous: list = []

        def on_step(words: str) -> None:
            for task in previous:
                steps.stop_task(task)
            previous[:] = [steps.add_task(words, total=None)]

        folder = from_ or settings.home / "company"
        if from_ is None:
            on_step(f"generate a company of {customers:,} customers")
            generate(folder, customers=customers)
        loaded = load(settings, folder, on_step)
    people = _people(settings)
    report = runs.published(settings, quiet=as_json)
    seconds = time.monotonic() - started
    quarantined = sum(figures["quarantined"] for figures in loaded.files.values())
    console.print(
        f"published {report['snapshot']} in {seconds:.0f} s; {quarantined} bad rows: scrm quarantine list",
        soft_wrap=True,
    )
    console.print(people, soft_wrap=True)
    if as_json:
        figures = {"seconds": round(seconds, 1), "loaded": loaded.files, "follows": loaded.follows, "run": report}
        emit(figures, as_json=True)
    if not no_dashboard:
        screens.show(settings, port=port, check=check, then=NEXT)


def _people(settings: Settings) -> str:
    """Add the demo's people; returns how to sign in."""
    with Store.open(settings.store_address) as store:
        if not add_demo_people(store, settings.home, acting.now()):
            return "this home has people of its own: sign in as one of them"
    logins = ", ".join(f"{person.login} ({person.role})" for person in PEOPLE)
    return f"sign in with one click, or as {logins}; password {PASSWORD}"
