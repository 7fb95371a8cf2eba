"""A disk that refuses (29, 30, 35): nothing half is ever seen, the words are clear, and once mended a repeat ends well.

Two layers: every operation of Python that changes files fails in turn; and a small file system of its own, with
ever more free space, on which native code (Parquet, DuckDB, SQLite) meets the end of the disk as well.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from models.settings import PROJECT_ROOT
from tests.conftest import environment
from tests.faults.conftest import Figure
from tests.faults.dying import Operations, operations
from tests.faults.works import WORKS

__all__ = ["operations"]

SMALL_DISK = Path(__file__).with_name("small_disk.py")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["import", "export"])
def test_every_operation_that_changes_files_fails_in_turn(
    name: str, in_memory: Path, operations: Operations, figure: Figure
) -> None:
    """Import and export; the lake and a publication have theirs in test_lake.py and test_publishing.py.

    SQLite writes past Python: what a store does on a disk that refuses shows below, on a small one.
    """
    work, ready = WORKS[name], in_memory / "ready"
    work.prepare(ready)
    clean = shutil.copytree(ready, in_memory / "clean")
    windows = operations.windows(lambda: work.act(clean))
    expected, failed = work.state(clean), 0
    for nth in windows:
        home = shutil.copytree(ready, in_memory / str(nth))
        with operations.failing(nth):
            try:
                work.act(home)
            except OSError:
                failed += 1
            except Exception as error:  # noqa: BLE001 - SQLAlchemy and Alembic put their own around it
                assert "No space left" in f"{error} {error.__cause__} {error.__context__}"
                failed += 1
        work.holds(home)
        with suppress(OSError):
            work.act(home)
        assert work.state(home) == expected, f"operation {nth} failed"
        shutil.rmtree(home)
    assert len(windows) >= 2
    assert failed > 0
    figure(operations=len(windows), refused=failed, invariants_broken=0)


def privately(arguments: list[str], home: Path, *namespaces: str) -> subprocess.CompletedProcess[str]:
    """Run Python in namespaces of its own, or skip with the reason when this machine does not permit it."""
    own = ["unshare", *namespaces, *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if shutil.which("unshare") is None:
        pytest.skip("no `unshare` here (util-linux)")
    if (refused := subprocess.run([*own, "true"], capture_output=True, text=True)).returncode != 0:
        pytest.skip(f"namespaces are not permitted here: {refused.stderr.strip()}")
    return subprocess.run(
        [*own, sys.executable, *arguments],
        env=environment(home),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
def test_a_full_disk_at_any_fill_leaves_the_last_good_and_a_repeat_ends_well(in_memory: Path, figure: Figure) -> None:
    done = privately(["-m", "tests.faults.small_disk", "full", str(in_memory)], in_memory / "home", "--mount")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, outcome in found.items():
        assert outcome["refused"] > 0, f"{name}: the disk was never full"
        assert outcome["through"] > 0, f"{name}: never had enough space"
    figure(
        fills=sum(outcome["refused"] + outcome["through"] for outcome in found.values()),
        refused=sum(outcome["refused"] for outcome in found.values()),
        corrupt=0,
    )


@pytest.mark.slow
def test_a_disk_that_cannot_be_written_is_said_in_words(tmp_path: Path, figure: Figure) -> None:
    """Fault 30. Read-only by mount: file permissions do not bind root, who often runs a small installation."""
    done = privately(["-m", "tests.faults.small_disk", "readonly", str(tmp_path)], tmp_path / "home", "--mount")
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    for command, (code, words) in answers.items():
        assert code == 1, f"scrm {command}: {words}"
        assert "Traceback" not in words, f"scrm {command}"
        assert "Read-only file system" in words, f"scrm {command}"
    figure(commands=len(answers), tracebacks=0)
