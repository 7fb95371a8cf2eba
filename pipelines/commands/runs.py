"""``scrm run``: the whole graph in one process."""

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.settings import Settings
from pipelines.commands.output import console, emit, fail


def run(
    business_date: Annotated[str, typer.Option(help="YYYY-MM-DD; default: the day after the lake's last event")] = "",
    to_seq: Annotated[int, typer.Option(help="the last batch to read; default: the newest", min=0)] = 0,
    retrain: Annotated[bool, typer.Option("--retrain", help="train the churn estimator even when it is fresh")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable result")] = False,
) -> None:
    """Land what people wrote, freeze the pair (business date, sequence), build, decide, publish.

    Example: `scrm run --business-date 2026-07-01`

    Exit codes: 0 published, 1 failed (readers stay on the last snapshot), 2 usage.
    """
    settings = Settings()
    report = published(settings, business_date=business_date, to_seq=to_seq, retrain=retrain, quiet=as_json)
    table = Table("business date", "sequence", "snapshot", "seconds", title="Published")
    table.add_row(report["business_date"], str(report["to_seq"]), report["snapshot"], f"{report['seconds']:.0f}")
    emit(report, as_json=as_json, table=table)


def published(
    settings: Settings, *, business_date: str = "", to_seq: int = 0, retrain: bool = False, quiet: bool
) -> dict:
    """Run with a progress display on stderr; exits with 1 and the failed step's words when it fails."""
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=quiet, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("loading the graph", total=None)
        from pipelines.runner import Progress as Step  # Dagster takes seconds to import: show life first
        from pipelines.runner import RunFailedError, RunInProgressError
        from pipelines.runner import run as run_graph

        def show(step: Step) -> None:
            bar.update(task, description=step.now[:44], total=step.steps, completed=step.done)

        try:
            report = run_graph(settings, business_date=business_date, to_seq=to_seq, retrain=retrain, on_progress=show)
        except (RunFailedError, RunInProgressError) as error:
            bar.stop()
            fail(str(error))
    return report.as_dict()
