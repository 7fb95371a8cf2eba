"""``scrm jobs``: long actions that people asked for on the pages, and the worker that does them."""

import logging
import os
import signal
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from models.settings import Settings
from models.store import Job, Store
from pipelines.commands.output import AsJson, console, emit, rows_table

app = typer.Typer(
    help="Long actions asked for on the pages: listed, cancelled, done by a worker.", no_args_is_help=True
)

JobId = Annotated[str, typer.Argument(help="as `scrm jobs list` shows it")]


@app.command("list")
def list_(
    status: Annotated[str | None, typer.Option(help="only queued, running, done, failed or cancelled ones")] = None,
    limit: Annotated[int, typer.Option(help="at most so many, the newest first", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """Jobs of everybody, the newest first.

    Example: `scrm jobs list --status failed`

    Exit codes: 0 done, 1 the store cannot be opened.
    """
    settings = Settings()
    found: list[Job] = []
    if settings.store_url or (settings.home / "store.db").exists():  # looking makes nothing
        with Store.open(settings.store_address) as store:
            found = store.jobs.list(statuses=(status,) if status else (), limit=limit)
    columns = ("job", "kind", "status", "asked by", "asked at", "seconds", "words")
    rows = [
        (job.job_id, job.kind, job.status, job.requested_by, _time(job.requested_at), _seconds(job), _said(job))
        for job in found
    ]
    emit({"jobs": [_shown(job) for job in found]}, as_json=as_json, table=rows_table("Jobs", columns, rows))


@app.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """One job with what it was asked, how far it is and what it gave.

    Example: `scrm jobs show 0f8fad5bd9cb469fa16570867728950e`

    Exit codes: 0 done, 1 there is no such job.
    """
    with Store.open(Settings().store_address) as store:
        emit(_shown(store.jobs.get(job_id), whole=True), as_json=as_json)


@app.command()
def cancel(job_id: JobId, as_json: AsJson = False) -> None:
    """Take a waiting job out of the queue. One that has begun ends as a whole or not at all.

    Example: `scrm jobs cancel 0f8fad5bd9cb469fa16570867728950e`

    Exit codes: 0 cancelled, 1 there is no such job, or it has begun.
    """
    with Store.open(Settings().store_address) as store:
        emit(_shown(store.jobs.cancel(job_id)), as_json=as_json)


@app.command()
def work() -> None:
    """Do jobs, one after the other, until stopped; `scrm up`, `scrm demo` and `scrm dashboard` start it by themselves.

    One worker is at work in a home; a second one stands by and takes over when the first ends. On Ctrl-C or SIGTERM a
    job gets a few seconds to end, then it goes back into the queue. What it does is written to logs/worker.log.

    Example: `scrm jobs work`

    Exit codes: 0 stopped, 1 the store cannot be opened.
    """
    from pipelines.worker import Worker, log_to  # the handlers' modules take a second: only the worker needs them

    settings = Settings()
    log_to(settings.home / "logs" / "worker.log")
    worker = Worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    if not worker.work(on_ready=lambda: console.print("at work   (Ctrl-C stops)")):
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)  # the thread of the job that was left behind does not end by itself; it is queued again


def _shown(job: Job, whole: bool = False) -> dict[str, Any]:
    """A job for people: without the mapping and the previews, unless ``whole``."""
    short = {
        "job_id": job.job_id,
        "kind": job.kind,
        "status": job.status,
        "requested_by": job.requested_by,
        "requested_at": _time(job.requested_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "attempts": job.attempts,
        "error": job.error,
    }
    if not whole:
        return short
    return {**short, "arguments": job.arguments, "progress": job.progress, "result": job.result}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(sep=" ", timespec="seconds")


def _seconds(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return f"{(job.finished_at - job.started_at).total_seconds():.1f}"


def _said(job: Job) -> str:
    if job.error:
        return job.error
    return str((job.progress or {}).get("now", "")) if job.status == "running" else ""
