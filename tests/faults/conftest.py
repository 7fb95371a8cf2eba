"""What the drill's tests share: how much of it is done, and how a test hands over its figures."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

#: Kills in all: 3 in `make test`, 20 in `.ci/run`, 200 in the benchmark.
KILLS = int(os.environ.get("SCRM_TEST_KILLS", "3"))
#: From so many on, a drill leaves nothing out.
EVERYTHING = 200
#: So many of them strike a whole run, which takes long; the others strike named points, which takes a second.
WHOLE_RUN_KILLS = min(KILLS, 3 + KILLS // 10)

Figure = Callable[..., None]
MEMORY = Path("/dev/shm")


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: drills of a hundred small runs would wait for the disk most of the time.

    Nothing is lost: a killed process leaves its files as they are, synced or not.
    """
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="siyu-faults-") as folder:
        yield Path(folder)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """``figure(kills=20, torn=0)``: what was measured, for the table of faults that `make bench` prints."""

    def record(**figures: float | str) -> None:
        for name, value in figures.items():
            record_property(name, value)

    return record
