"""A close killed at every point of its commit: it has happened whole, or not at all; done again it is the clean one."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from models.settings import Settings
from models.settlement.periods import parse_period
from pipelines import closing
from pipelines.lake import Lake
from pipelines.workspace import Workspace
from tests.faults.doomed import perform
from tests.unit.test_settlement_closing import JUNE, Company

PASSAGES = {
    "lake.part_written": (1, 4),
    "lake.parts_synced": (1,),
    "lake.part_placed": (1, 3),
    "lake.before_line": (1,),
    "lake.line_written": (1,),
    "lake.committed": (1,),
}


def close_june(home: Path) -> None:
    closing.close(Workspace(Settings(home=home)), parse_period("2026-06"), "cli:tests")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("closing") / "home"
    Company(Workspace(Settings(home=home))).run(JUNE, date(2026, 7, 2))
    return home


@pytest.fixture(scope="module")
def clean(ready: Path) -> str:
    home = shutil.copytree(ready, ready.with_name("clean"))
    close_june(home)
    return str(closing.closings(Lake(Settings(home=home).lake_dir))[0]["chain"])


@pytest.mark.parametrize("at", [f"{name}:{nth}" for name, times in PASSAGES.items() for nth in times])
def test_killed_anywhere_a_close_is_whole_or_absent(ready: Path, clean: str, tmp_path: Path, at: str) -> None:
    home = shutil.copytree(ready, tmp_path / "home")
    assert perform(close_june, home, at=at).killed
    lake = Lake(Settings(home=home).lake_dir)
    assert closing.verify(lake) == []
    assert len(closing.closings(lake)) == (1 if at.startswith(("lake.line_written", "lake.committed")) else 0)
    close_june(home)
    lake.sweep()
    assert [one["chain"] for one in closing.closings(lake)] == [clean]
    assert closing.verify(lake) == []
    assert len(lake.entries()) == 1
