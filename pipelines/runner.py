"""The whole graph in one process: what ``scrm run`` and ``scrm demo`` call."""

import gc
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import dagster as dg

from models.errors import ExpectedError
from models.serving.pointer import read_pointer
from models.settings import Settings
from pipelines.alerts import Watched, failed
from pipelines.defs.automation import MAIN_JOB
from pipelines.defs.resources import Build, export_environment
from pipelines.engines import require
from pipelines.plan import RunPlan
from pipelines.reaper import DEAD, Failure, alive, dead_runs, failure, reap
from pipelines.run_log import unhurried
from pipelines.warehouse import RunInProgressError
from pipelines.workspace import Workspace

POLL_SECONDS = 0.4
DAGSTER_YAML = Path(__file__).with_name("dagster.yaml")
OnProgress = Callable[["Progress"], None]


class RunFailedError(ExpectedError):
    """A step failed; the message holds its name and its own words. Nothing was published."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


@dataclass(frozen=True)
class Progress:
    """How far a run is: steps done of all, and what it does now (a step, or a table that was just built)."""

    done: int
    steps: int
    now: str


@dataclass(frozen=True)
class RunReport:
    run_id: str
    business_date: str
    to_seq: int
    snapshot: str
    publication: int
    seconds: float
    steps: dict[str, float]  # seconds by step; loading the graph is what the total has more

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(
    settings: Settings,
    *,
    business_date: str = "",
    to_seq: int = 0,
    retrain: bool = False,
    publish: bool = True,
    full: bool = False,
    wait_seconds: float = 0,
    on_progress: OnProgress | None = None,
) -> RunReport:
    """Materialise the main job and publish. Empty date and zero sequence: as the lake stands now.

    ``full``: nothing is taken over from the run before.
    Without ``publish`` the run commits what it decides and readers stay where they are (``snapshot`` is empty then).
    A failure is reported by the alerts that are set. Raises RunInProgressError when another run builds here (after the
    wait), RunFailedError with the failed step's words, EngineMissingError before anything has begun.
    """
    started = time.monotonic()
    require(settings.engine)
    export_environment(settings)
    workspace, run_id = Workspace(settings), str(uuid.uuid4())
    with Watched(settings, MAIN_JOB, run_id), workspace.warehouse.exclusive(wait_seconds):
        with alive(settings, run_id):
            instance = prepare_instance(settings)
            bury(instance, settings)
            workspace.lake.sweep()
            build = Build(business_date=business_date, to_seq=to_seq, retrain=retrain, publish=publish, full=full)
            result = _execute(settings, instance, run_id, build, on_progress)
        if not result.success:
            raise RunFailedError(failure(instance, run_id))
        pointer = read_pointer(settings.published_dir) if publish else None
        plan = RunPlan.read(settings.promoted_dir if publish else settings.building_dir)
    return RunReport(
        run_id=run_id,
        business_date=plan.business_date.isoformat(),
        to_seq=plan.to_seq,
        snapshot=pointer.version if pointer else "",
        publication=pointer.publication if pointer else 0,
        seconds=round(time.monotonic() - started, 1),
        steps=_durations(instance, run_id),
    )


def bury(instance: dg.DagsterInstance, settings: Settings) -> int:
    """Report dead runs as failed, each with its alert, and free their slots. Returns how many there were."""
    dead = reap(instance, settings)
    for run_ in dead:
        failed(settings, job=run_.job_name, run_id=run_.run_id, step="", words=DEAD, now=datetime.now(UTC))
    return len(dead)


def _execute(
    settings: Settings, instance: dg.DagsterInstance, run_id: str, build: Build, on_progress: OnProgress | None
) -> dg.ExecuteInProcessResult:
    # dbt's own words go to a file: stdout belongs to the command's answer
    with _run_log(settings) as log, redirect_stdout(log), unhurried(instance.event_log_storage), _seldom_swept():
        from pipelines.definitions import defs  # parses the dbt project when its manifest is older

        job = defs().resolve_job_def(MAIN_JOB)
        with _watched(instance, run_id, len(job.nodes), on_progress):
            return job.execute_in_process(
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
                tags={"dagster/max_retries": "0"},  # Dagster's daemon cannot start this process again
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                resources={"build": build},
            )


@contextmanager
def _seldom_swept() -> Iterator[None]:
    """Python looks for garbage in circles less often for a while.

    dbt's manifest and Dagster's definitions are a million objects that stay, and Python would go through all of them
    again and again: a tenth of a small company's run.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _durations(instance: dg.DagsterInstance, run_id: str) -> dict[str, float]:
    stats = sorted(instance.get_run_step_stats(run_id), key=lambda step: step.start_time or 0)
    return {step.step_key: round((step.end_time or 0) - (step.start_time or 0), 1) for step in stats}


def _run_log(settings: Settings) -> TextIO:
    path = settings.home / "logs" / "run.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8")


def prepare_instance(settings: Settings) -> dg.DagsterInstance:
    """Dagster's own state, under the home, with the limits of the tree."""
    settings.dagster_dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(DAGSTER_YAML, settings.dagster_dir / "dagster.yaml")
    return dg.DagsterInstance.get()


def dead(settings: Settings, now: datetime) -> list[str]:
    """Runs that Dagster believes to be under way and that no process carries out, by id; changes nothing."""
    os.environ["DAGSTER_HOME"] = str(settings.dagster_dir)
    with dg.DagsterInstance.get() as instance:
        return [found.run_id for found in dead_runs(instance, settings, now)]


@contextmanager
def _watched(instance: dg.DagsterInstance, run_id: str, steps: int, on_progress: OnProgress | None) -> Iterator[None]:
    """Report a run's events while it goes on."""
    if on_progress is None:
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(instance, run_id, steps, on_progress, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(
    instance: dg.DagsterInstance, run_id: str, steps: int, on_progress: OnProgress, over: threading.Event
) -> None:
    kinds = {
        dg.DagsterEventType.STEP_START,
        dg.DagsterEventType.STEP_SUCCESS,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
    }
    cursor, done = None, 0
    while True:
        last = over.is_set()
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=kinds)
        cursor = page.cursor
        for record in page.records:
            event = record.event_log_entry.dagster_event
            if event is None:
                continue
            done += event.event_type == dg.DagsterEventType.STEP_SUCCESS
            subject = event.asset_key.path[-1] if event.asset_key else event.step_key
            on_progress(Progress(done, steps, (subject or "").replace("_", " ")))
        if last:
            return
        over.wait(POLL_SECONDS)


__all__ = ["Progress", "RunFailedError", "RunInProgressError", "RunReport", "bury", "dead", "prepare_instance", "run"]
