"""Resources and jobs: the only module here with ``@dg.definitions`` (it would hide loose assets beside it)."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject
from pydantic import PrivateAttr

from models.settings import PROJECT_ROOT, Settings
from pipelines.plan import RunPlan, default_business_date
from pipelines.workspace import Workspace

DBT_PROJECT = DbtProject(project_dir=PROJECT_ROOT / "dbt_project", profiles_dir=PROJECT_ROOT / "dbt_project")


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
        """Fix the pair now. Raises NothingToRunError on an empty lake."""
        settings, lake = self._workspace.settings, self._workspace.lake
        to_seq = self.to_seq or lake.head()
        day = (
            date.fromisoformat(self.business_date)
            if self.business_date
            else default_business_date(lake, to_seq, settings.zone, datetime.now(UTC))
        )
        return RunPlan(day, to_seq, settings.company, settings.timezone, settings.currency)


def dbt_executable() -> str:
    """dbt of this environment, which may not be on PATH."""
    return str(Path(sys.executable).with_name("dbt"))


def export_environment(settings: Settings) -> None:
    """dbt and Dagster are told by environment where the home is, and find the dbt of this environment first."""
    os.environ.update(settings.environment())
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def prepared_project() -> DbtProject:
    """The dbt project with a manifest younger than its sources: parsed on a fresh checkout and after a change."""
    export_environment(Settings())
    manifest = DBT_PROJECT.manifest_path
    sources = [
        path for folder in ("models", "macros", "tests") for path in (DBT_PROJECT.project_dir / folder).rglob("*")
    ]
    newest = max(path.stat().st_mtime for path in [*sources, DBT_PROJECT.project_dir / "dbt_project.yml"])
    if not manifest.exists() or manifest.stat().st_mtime < newest:
        DBT_PROJECT.preparer.prepare(DBT_PROJECT)  # about 15 s
    return DBT_PROJECT


@dg.definitions
def resources() -> dg.Definitions:
    export_environment(Settings())
    return dg.Definitions(
        resources={
            "company": Company(),
            "build": Build(),
            "dbt": DbtCliResource(project_dir=DBT_PROJECT, dbt_executable=dbt_executable()),
        },
        executor=dg.in_process_executor,
    )
