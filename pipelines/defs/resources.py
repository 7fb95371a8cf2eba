"""Resources and jobs: the only module here with ``@dg.definitions`` (it would hide loose assets beside it)."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from functools import cache

import dagster as dg
from pydantic import PrivateAttr

from models.settings import PROJECT_ROOT, Engine, Settings
from pipelines.dbt import DbtProject
from pipelines.engines import RunningEngine, engine_of
from pipelines.plan import NothingToRunError, RunPlan, default_business_date
from pipelines.reaper import alive
from pipelines.workspace import Workspace


class Company(dg.ConfigurableResource):
    """The company's workspace: lake, store and settings. Holds no lock on data."""

    _workspace: Workspace = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Company"]:
        settings = Settings()
        self._workspace = Workspace(settings)
        with _held(settings, context):
            yield self

    @property
    def workspace(self) -> Workspace:
        return self._workspace


class Build(dg.ConfigurableResource):
    """One run's build: what was asked for, and the warehouse, held exclusively while the run lasts.

    Empty ``business_date`` and zero ``to_seq`` mean: as the lake stands now. Without ``publish`` the run commits what
    it decides, and readers stay where they are. A run waits for the one before, as the settings say. ``full``: every
    table is built anew, also where the build could go on from the run before.
    """

    business_date: str = ""
    to_seq: int = 0
    retrain: bool = False
    publish: bool = True
    full: bool = False
    _workspace: Workspace = PrivateAttr()
    _engine: RunningEngine = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Build"]:
        settings = Settings()
        self._workspace = Workspace(settings)
        self._engine = engine_of(settings)
        waiting = settings.schedule.wait_minutes * 60
        with _held(settings, context), self._workspace.warehouse.exclusive(waiting), closing(self._engine):
            yield self

    @property
    def workspace(self) -> Workspace:
        return self._workspace

    @property
    def engine(self) -> RunningEngine:
        """What dbt runs on in this run."""
        return self._engine

    @property
    def why_whole(self) -> str:
        """Why this build may not go on from the run before, in words; empty when it may."""
        if self.full:
            return "it was asked for"
        return "" if self._workspace.settings.engine is Engine.DUCKDB else "only DuckDB goes on"

    @property
    def plan(self) -> RunPlan:
        """The plan of the running build, as frozen by the inputs."""
        return RunPlan.read(self._workspace.warehouse.building)

    def freeze(self) -> RunPlan:
        """Fix the pair now. Raises NothingToRunError on an empty lake, and for a batch that is not there yet."""
        settings, lake = self._workspace.settings, self._workspace.lake
        if self.to_seq > lake.head():
            raise NothingToRunError(f"there is no batch {self.to_seq} yet: the newest is {lake.head()}")
        to_seq = self.to_seq or lake.head()
        day = (
            date.fromisoformat(self.business_date)
            if self.business_date
            else default_business_date(lake, to_seq, settings.zone, datetime.now(UTC))
        )
        return RunPlan(day, to_seq, settings.company, settings.timezone, settings.currency)


def _held(settings: Settings, context: dg.InitResourceContext) -> AbstractContextManager[None]:
    """The run's own lock, by which the dead are told from the living; nothing outside of a run."""
    return nullcontext() if context.run is None else alive(settings, context.run.run_id)


def fresh_daily() -> dg.FreshnessPolicy:
    """By an hour and a half after the daily run's time, there must be one of that day; Dagster's page shows it."""
    settings = Settings()
    at = datetime.strptime(settings.schedule.daily_at, "%H:%M").replace(tzinfo=UTC) + timedelta(minutes=90)
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"{at.minute} {at.hour} * * *", lower_bound_delta=timedelta(hours=6), timezone=settings.timezone
    )


def fresh_hourly() -> dg.FreshnessPolicy:
    """A source that is pulled every hour: late after three, broken after a day."""
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=24), warn_window=timedelta(hours=3))


def export_environment(settings: Settings) -> None:
    """This process, dbt and Dagster's steps are told by environment whose company it is."""
    os.environ.update(settings.environment())
    if key := settings.id_key.get_secret_value():
        os.environ["SCRM_ID_KEY"] = key
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@cache
def prepared_project(kind: Engine) -> DbtProject:
    """The dbt project, parsed for this home and engine. A fresh checkout takes about ten seconds, later ones two."""
    export_environment(Settings())
    project = DbtProject(PROJECT_ROOT / "dbt_project", kind)
    _ = project.manifest
    return project


@dg.definitions
def resources() -> dg.Definitions:
    export_environment(Settings())
    return dg.Definitions(
        resources={
            "company": Company(),
            "build": Build(),
        },
        executor=dg.in_process_executor,
    )
