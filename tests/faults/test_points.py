"""SIGKILL at every named point (22, 23): done again, everything is as after a clean pass, and no reader saw a mix."""

import ast
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import ceil
from pathlib import Path

import pytest

from models.killpoints import POINTS, arm
from models.settings import PROJECT_ROOT
from tests.conftest import environment
from tests.faults import tiny_company
from tests.faults.conftest import KILLS, WHOLE_RUN_KILLS, Figure
from tests.faults.doomed import perform
from tests.faults.tiny_company import COUNTS, TinyCompany, assert_tidy
from tests.faults.watching import watched
from tests.faults.works import WORKS, marts, run_generation

GENERATIONS = 4
DOOR_SHARE = 0.4  # of the kills at points; the others strike a run's own steps


def calls() -> Counter[str]:
    """Every ``killpoint("…")`` in the code."""
    found: Counter[str] = Counter()
    for package in ("models", "pipelines", "ml", "dashboards"):
        for path in (PROJECT_ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "killpoint":
                    assert isinstance(node.args[0], ast.Constant), f"{path}: a point has a constant name"
                    found[node.args[0].value] += 1
    return found


def spread(passages: Counter[str], kills: int) -> Iterator[str]:
    """``name:n``, every point once first; then again, at later passages where there are any, until ``kills``."""
    done = 0
    for turn in count():
        for name, times in sorted(passages.items()):
            if turn > 0 and done >= kills:
                return
            done += 1
            yield f"{name}:{turn * max(1, times // 5) % times + 1}"


def test_every_point_has_one_place_in_the_code_and_its_line_in_the_list() -> None:
    assert calls() == Counter(dict.fromkeys(POINTS, 1))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"SCRM_TEST_FAULTS": "1", "SCRM_KILLPOINT": "replace.renamed"}, -signal.SIGKILL),
        ({"SCRM_TEST_FAULTS": "1", "SCRM_KILLPOINT": "replace.renamed:2"}, 0),
        ({"SCRM_KILLPOINT": "replace.renamed"}, 0),
        ({"SCRM_TEST_FAULTS": "0", "SCRM_KILLPOINT": "replace.renamed"}, 0),
        ({}, 0),
    ],
)
def test_a_point_kills_only_when_both_variables_say_so(tmp_path: Path, given: dict[str, str], code: int) -> None:
    act = (
        "import sys; from pathlib import Path; from models.files import replace_durably; draft = Path(sys.argv[1]);"
        "draft.write_text('x'); replace_durably(draft, draft.with_name('target'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", act, str(tmp_path / "draft")], env=environment(tmp_path, **given), cwd=PROJECT_ROOT
    )
    assert done.returncode == code
    assert (tmp_path / "target").read_text() == "x"


def test_a_point_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        arm({"SCRM_TEST_FAULTS": "1", "SCRM_KILLPOINT": "nowhere:1"})


@dataclass(frozen=True)
class CleanPass:
    """A work's files before and after a pass that nothing disturbed, and the points that it went through."""

    ready: Path
    done: Path
    passages: Counter[str]


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CleanPass]:
    found = {}
    for name, work in WORKS.items():
        ready, done = (tmp_path_factory.mktemp(name) / part for part in ("ready", "done"))
        work.prepare(ready)
        shutil.copytree(ready, done)
        found[name] = CleanPass(ready, done, perform(work.act, done).passages)
    return found


@dataclass(frozen=True)
class Generations:
    """A company of four generations that take turns: ``home`` has had all, ``clean`` are the marts of each alone."""

    home: Path
    kept: Path
    clean: dict[int, dict[str, str]]
    passages: Counter[str]


@pytest.fixture(scope="module")
def generations(tmp_path_factory: pytest.TempPathFactory) -> Generations:
    folder = tmp_path_factory.mktemp("generations")
    home, kept = folder / "home", folder / "kept"
    kept.mkdir()
    tiny_company.keep_in(kept)
    clean = {}
    for generation in range(1, GENERATIONS + 1):
        company = TinyCompany(folder / f"clean-{generation}")
        company.run(generation)
        clean[generation] = marts(company.published)
    passages: Counter[str] = Counter()
    for generation in (*range(1, GENERATIONS + 1), 1):  # the last has something to retire, and an older state again
        passages |= perform(run_generation, home, generation, kept, temporary=folder).passages
    return Generations(home, kept, clean, passages)


@pytest.mark.slow
def test_every_point_is_on_the_way_of_a_work_that_is_killed_there(
    doors: dict[str, CleanPass], generations: Generations
) -> None:
    met = set(generations.passages).union(*(door.passages for door in doors.values()))
    assert met == set(POINTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WORKS))
def test_killed_at_every_point_of_a_door_the_repeat_gives_what_a_clean_pass_gives(
    name: str, doors: dict[str, CleanPass], in_memory: Path, figure: Figure
) -> None:
    """Import, what people write into the store, an export: files of the start are copied anew for each death."""
    work, ready, passages = WORKS[name], doors[name].ready, doors[name].passages
    expected, slowest, kills = work.state(doors[name].done), 0.0, 0
    for point in spread(passages, ceil((KILLS - WHOLE_RUN_KILLS) * DOOR_SHARE / len(WORKS))):
        home = in_memory / f"{kills}-{point.replace(':', '-')}"
        shutil.copytree(ready, home)
        assert perform(work.act, home, at=point).killed, point
        work.holds(home)
        started = time.monotonic()
        work.act(home)
        slowest, kills = max(slowest, time.monotonic() - started), kills + 1
        work.holds(home)
        assert work.state(home) == expected, f"killed at {point}"
        shutil.rmtree(home)
    figure(kills=kills, equal_digests=kills, points=len(passages), recovery_seconds=round(slowest, 2))


def _dies(company: Generations, generation: int, point: str, temporary: Path) -> bool:
    ending = perform(run_generation, company.home, generation, company.kept, at=point, temporary=temporary)
    return ending.killed


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_every_point_of_a_run_readers_see_whole_snapshots_and_the_repeat_gives_the_clean_marts(
    generations: Generations, tmp_path: Path, figure: Figure
) -> None:
    """One company suffers all deaths in a row, so that what one leaves also meets the next; a reader polls on."""
    clean, company = generations.clean, TinyCompany(generations.home)
    whole = frozenset((n, n, n, n) for n in clean)
    slowest, kills, unmet, generation = 0.0, 0, [], 1
    with watched(company.published, COUNTS, whole, poll_seconds=0.02) as watch:
        for point in spread(generations.passages, ceil((KILLS - WHOLE_RUN_KILLS) * (1 - DOOR_SHARE))):
            before, generation = generation, generation % GENERATIONS + 1
            if not _dies(generations, generation, point, tmp_path):
                unmet.append(point)
                continue
            assert marts(company.published) in (clean[before], clean[generation]), point
            started = time.monotonic()
            company.run(generation)
            slowest, kills = max(slowest, time.monotonic() - started), kills + 1
            assert marts(company.published) == clean[generation], f"killed at {point}"
            assert_tidy(company)
    assert all(not point.endswith(":1") for point in unmet), "the first passage through a point is met by every run"
    figure(
        kills=kills,
        equal_digests=kills,
        torn_reads=0,
        reads=watch.answers,
        publications_seen=len(watch.publications),
        recovery_seconds=round(slowest, 2),
    )
