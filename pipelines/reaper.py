"""Runs whose process is gone: told from the living, reported as failed, their slots given back.

A process that carries out a run holds a file lock of the run's name, which the kernel frees when it dies, however it
dies: no process number that another one may have got since, and nothing left to believe in after a reboot.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster_shared.error import SerializableErrorInfo
from filelock import FileLock, Timeout

from models.settings import Settings

DEAD = "the process of this run died"
#: What Dagster says when it ends a run after ``max_runtime_seconds``.
TOO_LONG = re.compile(r"Exceeded maximum runtime")
#: A run that Dagster starts is STARTED for a few seconds before its process holds the lock.
GRACE_SECONDS = 120.0
#: A run that just ended gives its lock back before Dagster has noted its end: look twice.
LOOK_AGAIN_SECONDS = 2.0
_UNDERWAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
#: Dagster puts the class of an error before its words; of our own errors people want the words.
OWN_ERROR = re.compile(r"^(?:models|ml|pipelines)\.[\w.]+: ")


@dataclass(frozen=True)
class Failure:
    """Why a run failed. ``own``: the words are those of an error of ours, written for people."""

    step: str
    words: str
    own: bool

    def __str__(self) -> str:
        return f"{self.step}: {self.words}" if self.step else self.words

    def for_alert(self) -> str:
        """Words that may leave the house: other programs' errors can quote a row."""
        if self.own or not self.step:
            return self.words
        return f"{self.words.split(':', 1)[0][:80]}; Dagster's page and logs/run.log of the home have the details"


@contextmanager
def alive(settings: Settings, run_id: str) -> Iterator[None]:
    """Hold a run's lock while this process carries it out. May be entered again in the same thread."""
    path = _lock(settings, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, blocking=False, is_singleton=True):
        yield


def is_alive(settings: Settings, run_id: str) -> bool | None:
    """None: nobody has ever held the run's lock."""
    path = _lock(settings, run_id)
    if not path.exists():
        return None
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True


def dead_runs(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> list[dg.DagsterRun]:
    """Runs that Dagster believes to be under way and that no process carries out. ``now`` is aware."""
    found = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNDERWAY)):
        living = is_alive(settings, record.dagster_run.run_id)
        age = now.timestamp() - (record.start_time or record.create_timestamp.timestamp())
        if living is False or (living is None and age > GRACE_SECONDS):
            found.append(record.dagster_run)
    return found


def reap(instance: dg.DagsterInstance, settings: Settings) -> list[dg.DagsterRun]:
    """Report dead runs as failed and free their slots; what is left of ended ones is swept. Returns the dead."""
    suspects = {run.run_id for run in dead_runs(instance, settings, datetime.now(UTC))}
    found: list[dg.DagsterRun] = []
    if suspects:
        time.sleep(LOOK_AGAIN_SECONDS)
        found = [run for run in dead_runs(instance, settings, datetime.now(UTC)) if run.run_id in suspects]
    for run in found:
        instance.report_run_failed(run, DEAD)
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    underway = {record.dagster_run.run_id for record in instance.get_run_records(dg.RunsFilter(statuses=_UNDERWAY))}
    for path in _locks(settings).glob("*.lock"):
        if path.stem not in underway and is_alive(settings, path.stem) is False:
            path.unlink(missing_ok=True)
    return found


def failure(instance: dg.DagsterInstance, run_id: str) -> Failure:
    """The failed step and its words: those of our own error when there is one, else the innermost.

    A run without a failed step whose steps had begun is one whose process died.
    """
    page = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    for record in page.records:
        event = record.event_log_entry.dagster_event
        if event is not None:
            words, own = _words(event.step_failure_data.error)
            return Failure(event.step_key or "", words, own)
    for record in instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records:
        event = record.event_log_entry.dagster_event
        words = "" if event is None else event.message or ""
        if words == DEAD or TOO_LONG.match(words):
            return Failure("", words, own=True)
    # Dagster, which sees its worker die, says no more than that the run failed
    if instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_START, limit=1).records:
        return Failure("", DEAD, own=True)
    return Failure("", "the run failed before its first step; see `scrm up`, runs", own=True)


def _words(error: SerializableErrorInfo | None) -> tuple[str, bool]:
    words = "no reason given"
    while error is not None:
        words = error.message.strip()
        if OWN_ERROR.match(words):
            return OWN_ERROR.sub("", words), True
        error = error.cause
    return words, False


def _locks(settings: Settings) -> Path:
    return settings.dagster_dir / "alive"


def _lock(settings: Settings, run_id: str) -> Path:
    return _locks(settings) / f"{run_id}.lock"
