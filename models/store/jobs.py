"""Long actions that a person asked for: asked on a page, done by the pipelines' worker, read back by who asked.

A job is queued, running, done, failed or cancelled. A worker claims the oldest queued job; while it works it sends
heartbeats under its own name. A job whose heartbeats stopped is queued again, so every handler must be a no-op the
second time; the store refuses words of a worker that lost its job in the meantime.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from models.errors import ExpectedError
from models.store.database import Database
from models.store.tables import jobs

SILENT_SECONDS = 30  # heartbeats come every few seconds; a worker silent for so long is dead or asleep
ATTEMPTS = 3  # a job whose worker died so often is what kills the workers
OPEN = ("queued", "running")
SEES_EVERY_JOB = "owner"  # the role


class JobLostError(ExpectedError):
    """The job is no longer this worker's: another one took it over. What this one found out is dropped."""


class JobRefusedError(ExpectedError):
    """There is no such job for this person, or it is not in a state for what was asked."""


class Asker(Protocol):
    """Who looks at jobs; ``models.serving.Viewer`` is one."""

    @property
    def user_id(self) -> str: ...

    @property
    def roles(self) -> frozenset[str]: ...


@dataclass(frozen=True)
class Job:
    """One row of the queue. Times are naive UTC; ``attempts`` counts the workers that began it."""

    job_id: str
    kind: str
    dedupe_key: str | None
    arguments: Mapping[str, Any]
    status: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    progress: Mapping[str, Any] | None
    result: Mapping[str, Any] | None
    error: str | None
    attempts: int
    worker: str | None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class JobQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------------ of who asks

    def ask(
        self,
        kind: str,
        arguments: Mapping[str, Any],
        requested_by: str,
        dedupe_key: str | None = None,
        now: datetime | None = None,
    ) -> Job:
        """Queue an action and return its job; ``arguments`` is JSON. The worker knows the kinds.

        While a job of this kind and ``dedupe_key`` is open, it is returned and nothing is queued: a second click asks
        for nothing. An ended job gives its key back.
        """
        job_id = uuid.uuid4().hex
        with self._database.writing() as connection:
            if dedupe_key is not None:
                same = (jobs.c.kind == kind) & (jobs.c.dedupe_key == dedupe_key)
                if (known := connection.execute(sa.select(jobs).where(same)).one_or_none()) is not None:
                    return _job(known)
            connection.execute(
                sa.insert(jobs).values(
                    job_id=job_id,
                    kind=kind,
                    dedupe_key=dedupe_key,
                    arguments=dict(arguments),
                    status="queued",
                    requested_by=requested_by,
                    requested_at=now or _now(),
                    attempts=0,
                )
            )
            return _job(connection.execute(sa.select(jobs).where(jobs.c.job_id == job_id)).one())

    def get(self, job_id: str, asker: Asker | None = None) -> Job:
        """One job; ``asker`` None: whoever sits at the machine. Raises JobRefusedError, the same for a job of others
        as for none."""
        statement = sa.select(jobs).where(jobs.c.job_id == job_id, _visible(asker))
        with self._database.reading() as connection:
            found = connection.execute(statement).one_or_none()
        if found is None:
            raise JobRefusedError(f"no job {job_id!r} that you may see; `scrm jobs list` shows them")
        return _job(found)

    def list(
        self,
        asker: Asker | None = None,
        kinds: Collection[str] = (),
        statuses: Collection[str] = (),
        limit: int = 100,
        requested_by: str | None = None,
    ) -> list[Job]:
        """The newest jobs first. Who has the role owner, or sits at the machine (None), sees those of everybody.

        ``requested_by``: only what that person asked for.
        """
        statement = sa.select(jobs).where(_visible(asker)).order_by(jobs.c.requested_at.desc()).limit(limit)
        if kinds:
            statement = statement.where(jobs.c.kind.in_(kinds))
        if statuses:
            statement = statement.where(jobs.c.status.in_(statuses))
        if requested_by is not None:
            statement = statement.where(jobs.c.requested_by == requested_by)
        with self._database.reading() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def cancel(self, job_id: str, asker: Asker | None = None, now: datetime | None = None) -> Job:
        """Take a waiting job out of the queue. Raises JobRefusedError for one that is not the asker's or has begun.

        What has begun is not stopped half-way: it ends as a whole or not at all.
        """
        job = self.get(job_id, asker)
        changed = self._change(
            sa.update(jobs).where(jobs.c.job_id == job_id, jobs.c.status == "queued"),
            status="cancelled",
            finished_at=now or _now(),
            dedupe_key=None,
        )
        if not changed:
            raise JobRefusedError(f"job {job_id} is {self.get(job_id).status}: only a waiting job can be cancelled")
        return self.get(job.job_id)

    # ------------------------------------------------------------------ of the worker

    def claim(self, worker: str, kinds: Collection[str], now: datetime | None = None) -> Job | None:
        """The oldest queued job of these kinds, now running under ``worker``'s name; None when nothing waits.

        However many workers ask at once, exactly one gets a job.
        """
        waiting = sa.select(jobs.c.job_id).where(jobs.c.status == "queued", jobs.c.kind.in_(kinds))
        oldest = waiting.order_by(jobs.c.requested_at, jobs.c.job_id).limit(1)
        with self._database.reading() as connection:  # an idle worker must not take the writers' turn every second
            if connection.execute(oldest).first() is None:
                return None
        moment = now or _now()
        with self._database.writing() as connection:
            if (found := connection.execute(oldest).first()) is None:
                return None
            job_id = found.job_id
            connection.execute(
                sa.update(jobs)
                .where(jobs.c.job_id == job_id)
                .values(
                    status="running",
                    worker=worker,
                    started_at=moment,
                    heartbeat_at=moment,
                    progress=None,
                    attempts=jobs.c.attempts + 1,
                )
            )
            return _job(connection.execute(sa.select(jobs).where(jobs.c.job_id == job_id)).one())

    def heartbeat(self, job: Job, progress: Mapping[str, Any] | None = None, now: datetime | None = None) -> None:
        """The worker lives and is as far as ``progress`` (None: as before). Raises JobLostError."""
        told = {} if progress is None else {"progress": dict(progress)}
        self._own(job, heartbeat_at=now or _now(), **told)

    def finish(self, job: Job, result: Mapping[str, Any], now: datetime | None = None) -> None:
        """Done, with what it gave. Raises JobLostError when the job is no longer this worker's."""
        self._own(job, status="done", result=dict(result), finished_at=now or _now(), dedupe_key=None)

    def fail(self, job: Job, error: str, now: datetime | None = None) -> None:
        """Failed, with words for the person who asked. Raises JobLostError."""
        self._own(job, status="failed", error=error, finished_at=now or _now(), dedupe_key=None)

    def release(self, job: Job) -> None:
        """Give a job back unfinished, because the worker stops: it counts as not begun. Raises JobLostError."""
        self._own(job, status="queued", worker=None, heartbeat_at=None, attempts=jobs.c.attempts - 1)

    def reclaim(
        self,
        silent: timedelta = timedelta(seconds=SILENT_SECONDS),
        attempts: int = ATTEMPTS,
        now: datetime | None = None,
    ) -> int:
        """Queue again the jobs whose worker has been ``silent``; one begun ``attempts`` times has failed.

        Returns how many jobs were taken from dead workers.
        """
        moment = now or _now()
        dead = (jobs.c.status == "running") & (jobs.c.heartbeat_at <= moment - silent)
        with self._database.reading() as connection:
            if connection.execute(sa.select(jobs.c.job_id).where(dead).limit(1)).first() is None:
                return 0
        with self._database.writing() as connection:
            given_up = connection.execute(
                sa.update(jobs)
                .where(dead, jobs.c.attempts >= attempts)
                .values(
                    status="failed",
                    error=f"the worker died {attempts} times during this job; the reason may stand in logs/ of the "
                    "home, and a smaller file may pass",
                    finished_at=moment,
                    dedupe_key=None,
                )
            )
            again = connection.execute(
                sa.update(jobs).where(dead).values(status="queued", worker=None, heartbeat_at=None)
            )
            return int(given_up.rowcount + again.rowcount)

    def _own(self, job: Job, **values: Any) -> None:
        """Change a job that is still this worker's: running, under its name, in the same attempt."""
        own = sa.update(jobs).where(
            jobs.c.job_id == job.job_id,
            jobs.c.status == "running",
            jobs.c.worker == job.worker,
            jobs.c.attempts == job.attempts,
        )
        if not self._change(own, **values):
            raise JobLostError(f"job {job.job_id} is no longer of {job.worker}; it was taken over")

    def _change(self, statement: sa.Update, **values: Any) -> bool:
        with self._database.writing() as connection:
            return bool(connection.execute(statement.values(**values)).rowcount)


def _visible(asker: Asker | None) -> sa.ColumnElement[bool]:
    if asker is None or SEES_EVERY_JOB in asker.roles:
        return sa.true()
    return jobs.c.requested_by == asker.user_id


def _job(row: sa.Row) -> Job:
    return Job(**row._mapping)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
