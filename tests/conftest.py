"""What every test can use: a company in a temporary home, the `scrm` command, and the sample published once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from models.settings import PROJECT_ROOT, Settings
from pipelines.cli import app

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Started in the background of a script, pytest ignores SIGINT. Dagster gives SIGTERM what SIGINT has, children inherit
# both, and none of them could be ended by asking.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
#: What pytest began with.
ENVIRONMENT = dict(os.environ)
ID_KEY = "key of the tests"
SAMPLE = PROJECT_ROOT / "data" / "sample"
DATASETS = PROJECT_ROOT.parent / "shared" / "datasets"


#: What builds warehouses, kills processes or tries hundreds of examples: `make check` leaves these rooms out, so that
#: it stays under three minutes.
SLOW_ROOMS = ("pipeline", "faults", "properties")
#: Files of other rooms that draw whole worlds, read whole systems, link people by dbt or train models.
SLOW_FILES = (
    *("test_connectors.py", "test_connectors_in_trouble.py", "test_sandbox_faces.py", "test_wechat_pay_connector.py"),
    *("test_wecom_connector.py", "test_wecom_deltas.py", "test_wecom_faults.py", "test_youzan_connector.py"),
    *("test_identity.py", "test_identity_command.py", "test_identity_likely.py", "test_ml_churn.py"),
    *("test_world_full.py", "test_world_truth.py", "test_world_effects.py", "test_world_generating.py"),
)


#: The files that take longest begin first, so that no worker is left alone with one at the end (Makefile). While one
#: worker makes the sample for all, the other has files that do not need it.
LONGEST_FIRST = (
    *("test_kills.py", "test_increments_run.py", "test_failing_disk.py", "test_main_job.py"),
    *("test_identity_decisions_run.py", "test_points.py", "test_network.py", "test_online_retail.py"),
    *("test_metrics.py", "test_automation.py", "test_identity_history.py", "test_settlement_simulation.py"),
    *("test_scope_enumeration.py", "test_increments.py", "test_sources_to_facts.py", "test_settlement_ledger.py"),
    *("test_identity_world.py", "test_surroundings.py", "test_story.py", "test_dbt_trunk.py"),
    *("test_custom_field_run.py", "test_publishing.py", "test_world_full.py", "test_sources.py"),
    *("test_connectors_in_trouble.py", "test_connectors.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in SLOW_ROOMS or item.path.name in SLOW_FILES:
            item.add_marker(pytest.mark.slow)
    place = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


def dataset(name: str) -> Path:
    """A real public data set, or a skip with the reason."""
    path = DATASETS / name
    if not path.exists():
        pytest.skip(f"the public data set {name} is not beside this checkout")
    return path


def environment(home: Path, **more: str) -> dict[str, str]:
    """The process environment with this home and nothing of the developer's own settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SCRM_", "DAGSTER_"))}
    return {**clean, "SCRM_HOME": str(home), "SCRM_ID_KEY": ID_KEY, "OMP_NUM_THREADS": "1", **more}


@contextmanager
def whole_environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables and no others, for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def first_environment() -> dict[str, str]:
    """What pytest began with, and what it says of the test that runs."""
    return ENVIRONMENT | {name: value for name, value in os.environ.items() if name.startswith("PYTEST_")}


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    """What a fixture of a module or a session tells its children by environment ends when it is made."""
    if fixturedef.scope == "function":
        return (yield)
    with whole_environment(first_environment()):
        return (yield)


@pytest.fixture(autouse=True)
def no_environment_left_behind() -> Iterator[None]:
    """What a test, or a command that it runs in this process, hands to its children ends with the test.

    A run tells dbt and Dagster by environment whose company it is; the next test must not read that one's settings.
    """
    with whole_environment(first_environment()):
        yield


def scrm_command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("scrm")), *arguments]


@dataclass(frozen=True)
class Company:
    """A company in a home of its own."""

    home: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, id_key=ID_KEY)

    def scrm(
        self, *arguments: str, expect: int = 0, apart: bool = False, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command; its exit code must be the expected one.

        In this process, which imports a run's libraries once (ten seconds), or apart in one of its own. What no
        command should raise rises here. ``more``: environment.
        """
        env = environment(self.home, **more)
        if apart:
            whole = scrm_command(*arguments)
            done = subprocess.run(whole, env=env, capture_output=True, text=True, timeout=600)
        else:
            with whole_environment(env):
                found = CliRunner().invoke(app, arguments)
            if found.exception is not None and not isinstance(found.exception, SystemExit):
                raise found.exception
            done = subprocess.CompletedProcess(arguments, found.exit_code, found.stdout, found.stderr)
        assert done.returncode == expect, (
            f"scrm {' '.join(arguments)} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def scrm_json(self, *arguments: str, expect: int = 0, apart: bool = False, **more: str) -> Mapping:
        return json.loads(self.scrm(*arguments, "--json", expect=expect, apart=apart, **more).stdout)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path / "home")


@pytest.fixture(scope="session")
def published_sample(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The sample company, the whole way from its files to a published snapshot. Read it, do not change it.

    Made once per test session, also when pytest-xdist spreads the session over several workers: the first one makes
    it, the others wait. How long it took stands in ``sample-seconds`` beside the home.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    sample, done = Company(shared / "sample" / "home"), shared / "sample" / "sample-seconds"
    with FileLock(shared / "sample.lock"):
        if not done.exists():
            started = time.monotonic()
            sample.scrm("demo", "--from", str(SAMPLE), "--no-dashboard", apart=True)
            done.write_text(f"{time.monotonic() - started:.1f}")
    return sample


@pytest.fixture(scope="session")
def sample_seconds(published_sample: Company) -> float:
    """How long a clean run of the sample takes on this machine now."""
    return float((published_sample.home.parent / "sample-seconds").read_text())


@pytest.fixture
def copied_sample(published_sample: Company, tmp_path: Path) -> Callable[[], Company]:
    """A private copy of the published sample, for tests that change it."""

    def copy() -> Company:
        home = tmp_path / "copy"
        shutil.copytree(published_sample.home, home)
        return Company(home)

    return copy
