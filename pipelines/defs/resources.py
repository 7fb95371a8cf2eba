"""Resources and jobs: the only module here with ``@dg.definitions`` (it would hide loose assets beside it)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache

import dagster as dg
from pydantic import PrivateAttr

from models.settings import PROJECT_ROOT, Settings
from pipelines.dbt import DbtProject
from pipelines.plan import NothingToRunError, RunPlan, default_business_date
from pipelines.workspace import Workspace


class Company(dg.ConfigurableResource):
    """The company's workspace: lake, store and settings. Holds no lock."""

    _workspace: Workspace = PrivateAttr()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - the signature is Dagster's
        self._workspace = Workspace(Settings())

    @property
    def workspace(self) -> Workspace:
        return self._workspace


class Build(dg.ConfigurableResource):
    """One run's build: what was asked for, and the warehouse, held exclusively while the run lasts.

    Empty ``business_date`` and zero ``to_seq`` mean: as the lake stands now.
    """

    business_date: str = ""
    to_seq: int = 0
    retrain: bool = False
    _workspace: Workspace = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Build"]:  # noqa: ARG002
        self._workspace = Workspace(Settings())
        with self._workspace.warehouse.exclusive():
            yield self

    @property
    def workspace(self) -> Workspace:
        return self._workspace

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


def export_environment(settings: Settings) -> None:
    """This process, dbt and Dagster's steps are told by environment whose company it is."""
    os.environ.update(settings.environment())
    if key := settings.id_key.get_secret_value():
        os.environ["SCRM_ID_KEY"] = key
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@cache
def prepared_project() -> DbtProject:
    """The dbt project, parsed for this home. A fresh checkout takes about ten seconds, later ones two."""
    export_environment(Settings())
    project = DbtProject(PROJECT_ROOT / "dbt_project")
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
