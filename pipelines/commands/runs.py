"""``scrm run``: the whole graph in one process."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.settings import Engine, Settings
from pipelines.commands.output import AsJson, console, emit
from pipelines.commands.sources import days
from pipelines.rulebooks import draft_notice
from pipelines.sources import connections, syncing
from pipelines.workspace import Workspace


def run(
    business_date: Annotated[
        datetime | None, typer.Option(help="default: the day after the lake's last event", formats=["%Y-%m-%d"])
    ] = None,
    to_seq: Annotated[int, typer.Option(help="the last batch to read; default: the newest", min=0)] = 0,
    retrain: Annotated[bool, typer.Option("--retrain", help="train the churn estimator even when it is fresh")] = False,
    full: Annotated[bool, typer.Option("--full", help="build every table anew, not only what changed")] = False,
    engine: Annotated[Engine | None, typer.Option(help="what dbt runs on; default: the setting `engine`")] = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", help="before: read this day and on anew from every source", formats=["%Y-%m-%d"]),
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", help="the last of these days", formats=["%Y-%m-%d"])] = None,
    wait: Annotated[int, typer.Option("--wait", help="minutes to wait for another run, as under cron", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Land what people wrote, freeze the pair (business date, sequence), build, decide, publish.

    With --from and --to, the sources' days (of the company's civil time) are read once more before; a source that fails
    stops the run.

    Example: `scrm run --business-date 2026-07-01`

    Exit codes: 0 published, 1 failed (readers stay on the last snapshot), 2 usage.
    """
    settings = Settings(engine=engine) if engine else Settings()
    read_again(settings, first, last)
    day = business_date.date().isoformat() if business_date else ""
    report = published(
        settings, business_date=day, to_seq=to_seq, retrain=retrain, full=full, wait_minutes=wait, quiet=as_json
    )
    table = Table("business date", "sequence", "snapshot", "seconds", title="Published")
    table.add_row(report["business_date"], str(report["to_seq"]), report["snapshot"], f"{report['seconds']:.0f}")
    emit(report, as_json=as_json, table=table)
    if not as_json and (notice := draft_notice(Workspace(settings), date.fromisoformat(report["business_date"]))):
        console.print(notice, soft_wrap=True)


def read_again(settings: Settings, first: datetime | None, last: datetime | None) -> None:
    """Days of every source once more. Raises SyncError when a stream failed, typer.BadParameter for half a range."""
    if (span := days(settings, first, last)) is None:
        return
    chosen = connections.enabled(settings)
    syncing.raise_failures(syncing.sync(Workspace(settings), chosen, datetime.now(UTC), span=span))


def published(
    settings: Settings,
    *,
    business_date: str = "",
    to_seq: int = 0,
    retrain: bool = False,
    full: bool = False,
    wait_minutes: int = 0,
    quiet: bool,
) -> dict:
    """Run with a progress display on stderr. Raises RunFailedError with the failed step's words, RunInProgressError."""
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=quiet, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("loading the graph", total=None)
        from pipelines.runner import Progress as Step  # Dagster takes seconds to import: show life first
        from pipelines.runner import run as run_graph

        def show(step: Step) -> None:
            bar.update(task, description=step.now[:44], total=step.steps, completed=step.done)

        report = run_graph(
            settings,
            business_date=business_date,
            to_seq=to_seq,
            retrain=retrain,
            full=full,
            wait_seconds=wait_minutes * 60,
            on_progress=show,
        )
    return report.as_dict()
