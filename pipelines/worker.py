"""The worker: one process that does what people asked for on the pages, one job after the other.

One worker is at work in a home (an OS lock, freed by the kernel on death); a second one stands by and takes over. The
job runs in a thread of its own, so that this one can send heartbeats and hear SIGTERM meanwhile.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from traceback import format_tb
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout

from models import uploads
from models.errors import ExpectedError
from models.settings import Settings
from models.store import Job, JobLostError, JobQueue
from pipelines import jobs
from pipelines.jobs.permission import check_permission
from pipelines.workspace import Workspace

POLL_SECONDS = 1.0
TELL_SECONDS = 0.5  # between two looks at how far a job is
STANDBY_SECONDS = 2.0
HEARTBEAT_SECONDS = 5.0
STOP_SECONDS = 5.0  # how long a job may go on after SIGTERM; less than what whoever stops us waits
SWEEP_SECONDS = 3600.0
UNEXPECTED = "a fault of the program: its traceback is in logs/worker.log of the home, under this job's id"

log = logging.getLogger("siyu.worker")


class Worker:
    """``work()`` until ``stop()`` is called, from any thread or signal handler."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workspace = Workspace(settings)
        self.name = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns():x}"
        self._stop = threading.Event()
        self._swept = 0.0

    def stop(self) -> None:
        """Take no further job. One that is being done has STOP_SECONDS to end, then it goes back into the queue."""
        self._stop.set()

    def work(self, on_ready: Callable[[], None] = lambda: None) -> bool:
        """Work until stopped; returns False when a job had to be left behind (it is queued again).

        ``on_ready`` is called once this worker, and no other, is the one of the home.
        """
        self.settings.home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.settings.home / "worker.lock")
        while not self._acquired(lock):
            if self._stop.wait(STANDBY_SECONDS):
                return True
        try:
            on_ready()
            self._queue.reclaim(silent=timedelta(0))  # we have the lock: who ran these is dead
            while not self._stop.is_set():
                if not self.work_once():
                    return False
                self._sweep()
            return True
        finally:
            lock.release()

    @property
    def _queue(self) -> JobQueue:
        return self.workspace.store.jobs

    def work_once(self) -> bool:
        """Do one job, or wait for POLL_SECONDS when there is none; False when it had to be left behind."""
        job = self._claimed()
        if job is None:
            self._stop.wait(POLL_SECONDS)
            return True
        return self._do(job)

    def _acquired(self, lock: FileLock) -> bool:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    def _claimed(self) -> Job | None:
        try:
            self._queue.reclaim()
            return self._queue.claim(self.name, tuple(jobs.KINDS))
        except sa.exc.OperationalError as error:  # the disk is full, or a writer hangs: it may pass
            log.warning("no job could be claimed: %s", error.orig)
            return None

    def _do(self, job: Job) -> bool:
        log.info("job %s %s: begun, attempt %d", job.job_id, job.kind, job.attempts)
        progress: dict[str, Any] = {}
        thread = ThreadPoolExecutor(1, thread_name_prefix="job")
        doing = thread.submit(_done, job, self.workspace, progress)
        thread.shutdown(wait=False)
        told, beat, deadline = dict(progress), time.monotonic(), float("inf")
        while wait([doing], timeout=TELL_SECONDS).not_done:
            now = time.monotonic()
            if self._stop.is_set():
                deadline = min(deadline, now + STOP_SECONDS)
            if now > deadline:
                self._told(job, "released", lambda: self._queue.release(job))
                return False
            if progress != told or now - beat > HEARTBEAT_SECONDS:
                told, beat = dict(progress), now
                self._told(job, "", partial(self._queue.heartbeat, job, told or None))
        self._end(job, doing)
        return True

    def _end(self, job: Job, doing: Future[dict[str, Any]]) -> None:
        error = doing.exception()
        if error is None:
            if self._told(job, "done", lambda: self._queue.finish(job, doing.result())) and job.kind == "import_file":
                uploads.forget(self.settings.uploads_dir, str(job.arguments["sha256"]))  # the lake holds its rows
            return
        if not isinstance(error, ExpectedError | OSError):
            # Where, and not what: the words of an error of polars hold values of the data.
            log.error("job %s: %s\n%s", job.job_id, type(error).__name__, "".join(format_tb(error.__traceback__)))
        self._told(job, "failed", lambda: self._queue.fail(job, _words(error)))

    def _told(self, job: Job, what: str, tell: Callable[[], None]) -> bool:
        """Write to the queue; a job that another worker took over meanwhile is none of our business any more."""
        try:
            tell()
        except JobLostError as error:
            log.warning("job %s: %s", job.job_id, error)
            return False
        except sa.exc.OperationalError as error:  # no heartbeat is no reason to stop; a lost end is done again
            log.warning("job %s: the store refused: %s", job.job_id, error.orig)
            return False
        if what:
            log.info("job %s %s: %s", job.job_id, job.kind, what)
        return True

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > SWEEP_SECONDS or self._swept == 0.0:
            self._swept = time.monotonic()
            for folder in (self.settings.uploads_dir, self.settings.repairs_dir):
                uploads.sweep(folder, self.settings.keep_uploads_days)


def _done(job: Job, workspace: Workspace, progress: dict[str, Any]) -> dict[str, Any]:
    """The job's result. ``progress`` is filled while it goes on: done, steps, now."""

    def tell(done: int, steps: int, now: str) -> None:
        progress.update(done=done, steps=steps, now=now)

    check_permission(workspace.store, job)
    return jobs.handler(job.kind)(job, workspace, tell)


def _words(error: BaseException) -> str:
    """What the person who asked reads."""
    if isinstance(error, ExpectedError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{Path(error.filename).name}: {error.strerror}" if error.filename else error.strerror
    return UNEXPECTED


def log_to(path: Path) -> None:
    """The worker's log, a few megabytes at most."""
    path.parent.mkdir(parents=True, exist_ok=True)
    to_file = RotatingFileHandler(path, maxBytes=2_000_000, backupCount=2, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(to_file)
    log.setLevel(logging.INFO)
    log.propagate = False
