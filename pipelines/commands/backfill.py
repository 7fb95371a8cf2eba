"""``scrm backfill``: business dates caught up, one run each."""

from datetime import date, datetime
from typing import Annotated

import typer

from models.settings import Settings
from pipelines import backfill as catching_up
from pipelines.commands.output import AsJson, console, emit, plain, rows_table

WAIT_SECONDS = 24 * 3600  # a daily run in between is waited for, however long it takes


def backfill(
    first: Annotated[datetime, typer.Option("--from", help="first business date", formats=["%Y-%m-%d"])],
    last: Annotated[datetime, typer.Option("--to", help="last business date", formats=["%Y-%m-%d"])],
    publish_last: Annotated[bool, typer.Option("--publish-last", help="make the last day what readers see")] = False,
    again: Annotated[bool, typer.Option("--again", help="also dates that are decided and have no newer facts")] = False,
    as_json: AsJson = False,
) -> None:
    """Run each business date of a range, in order, for what it decides: scores, audience members, customer ids.

    Each date sees events before it, from all that has landed until now. Readers stay on the newest snapshot. The
    warehouse is free between two dates, so that daily runs go on; called again, it goes on where it ended.

    Example: `scrm backfill --from 2026-06-01 --to 2026-06-30`

    Exit codes: 0 done, 1 a date failed (those before stay done) or would move readers back, 2 usage.
    """
    settings = Settings()
    found = []
    for day in catching_up.backfill(
        settings, first.date(), last.date(), _runner(settings), publish_last=publish_last, again=again
    ):
        found.append(day)
        if not as_json:
            console.print(plain(f"{day.business_date}: {day.state}, {day.seconds:.0f} s"))
    rows = [(day.business_date, day.state, day.to_seq, f"{day.seconds:.1f}", day.snapshot) for day in found]
    table = rows_table("Backfill", ("business date", "state", "sequence", "seconds", "published"), rows)
    emit({"days": [day.as_dict() for day in found]}, as_json=as_json, table=table)


def _runner(settings: Settings) -> catching_up.RunDay:
    def run_day(day: date, publish: bool) -> tuple[int, float, str]:
        from pipelines.runner import run  # Dagster takes seconds to import: not before the range is known to be right

        report = run(settings, business_date=day.isoformat(), publish=publish, wait_seconds=WAIT_SECONDS)
        return report.to_seq, report.seconds, report.snapshot

    return run_day
