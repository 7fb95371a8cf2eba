"""SIGKILL at random moments of import and run, then run again: the published marts are those of a clean run (22-26)."""

import multiprocessing
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from models.contracts.published import PUBLISHED
from models.serving import NoSnapshotError, Snapshots
from models.serving.pointer import CURRENT, read_pointer
from pipelines.lake import Lake
from pipelines.publishing import CANDIDATE, SEAL
from pipelines.warehouse import digests
from tests.conftest import SAMPLE, Company, environment, scrm_command

KILLS = int(os.environ.get("SCRM_TEST_KILLS", "3"))
MARTS = {name for name, table in PUBLISHED.items() if table.in_digest}
DEMO = ("demo", "--from", str(SAMPLE), "--no-dashboard")
ROWS = "select " + ", ".join(f'(select count(*) from "{name}") as "{name}"' for name in sorted(MARTS))
POLL_SECONDS = 0.05
LOOK_SECONDS = 0.01


def marts(company: Company) -> dict[str, str]:
    folder = company.settings.published_dir
    pointer = read_pointer(folder)
    assert pointer is not None
    return {name: digest for name, digest in digests(folder / pointer.file).items() if name in MARTS}


def rows(folder: Path) -> tuple[int, ...]:
    return Snapshots(folder).current().query(ROWS, {}).row(0)


def _watch(folder: Path, expected: tuple[int, ...], over: Any, seen: Any) -> None:
    """A reader of its own process: every answer is the whole company, and publications only go up.

    Puts what was wrong, at the end the number of answers and the publications met.
    """
    snapshots, answers, publications = Snapshots(folder), 0, [0]
    parent = multiprocessing.parent_process()
    while not over.wait(POLL_SECONDS) and parent is not None and parent.is_alive():
        try:
            snapshot = snapshots.current()
        except NoSnapshotError:
            continue
        found = snapshot.query(ROWS, {}).row(0)
        answers += 1
        if found != expected:
            seen.put(f"torn: {found} instead of {expected} in publication {snapshot.pointer.publication}")
        if snapshot.replaces is not None:
            seen.put(f"damaged: {snapshot.replaces.file}")
        if snapshot.pointer.publication < publications[-1]:
            seen.put(f"backwards: {snapshot.pointer.publication} after {publications[-1]}")
        if snapshot.pointer.publication != publications[-1]:
            publications.append(snapshot.pointer.publication)
    seen.put((answers, publications[1:]))


@contextmanager
def watched(folder: Path, expected: tuple[int, ...]) -> Iterator[None]:
    """Readers look on all the while; fails when one saw anything but whole snapshots in order."""
    context = multiprocessing.get_context("spawn")
    over, seen = context.Event(), context.Queue()
    reader = context.Process(target=_watch, args=(folder, expected, over, seen), daemon=True)
    reader.start()
    try:
        yield
    finally:
        over.set()
    wrong: list[str] = []
    while isinstance(found := seen.get(timeout=60), str):
        wrong.append(found)
    reader.join(60)
    answers, publications = found
    assert wrong == []
    assert answers > 0
    assert publications, "the reader must have met a publication"


def landmarks(company: Company) -> dict[str, Path]:
    """What a run leaves on its way, in order: the phase that begins, and the file that is written then."""
    settings = company.settings
    building, published = settings.building_dir, settings.published_dir
    return {
        "landing": settings.lake_dir / "manifest.jsonl",
        "loading the graph": settings.home / "logs" / "run.log",
        "before identities": building / "run.json",
        "facts": building / "checks-identity.json",
        "published tables": building / "checks-facts.json",
        "the candidate": building / "checks-published.json",
        "verifying": published / CANDIDATE,
        "publishing": building / SEAL,
    }


def touched(path: Path, since: float) -> bool:
    return path.exists() and path.stat().st_mtime >= since


def phase(company: Company, since: float) -> str:
    """Where a process died that started at ``since``, told from what it left on disk."""
    if touched(company.settings.published_dir / CURRENT, since):
        return "after the pointer"
    reached = [name for name, path in landmarks(company).items() if touched(path, since)]
    return reached[-1] if reached else "before the first commit"


@dataclass(frozen=True)
class Aim:
    """When to kill: so many seconds after the start, or after a phase has begun (whatever the machine's load)."""

    seconds: float
    after: str | None = None


def aims(company: Company, duration: float, chance: random.Random) -> list[Aim]:
    """Every second kill at a moment spread evenly over a run, the others in one phase after the other."""
    timed, named = (KILLS + 1) // 2, list(landmarks(company))[::-1]
    moments = [Aim((part + chance.random()) / timed * duration) for part in range(timed)]
    in_phases = [
        Aim(chance.uniform(0, 0.3 if name == "publishing" else 1.5), after=name)
        for name in (named[number % len(named)] for number in range(KILLS - timed))
    ]
    found = [*moments, *in_phases]
    chance.shuffle(found)
    return found


def killed(company: Company, aim: Aim) -> str | None:
    """Run the demo and kill it, children and all; where it died, or None when it ended before."""
    since = time.time()
    said = company.home.parent / "said.txt"
    with said.open("wb") as stream:
        process = subprocess.Popen(
            scrm_command(*DEMO),
            env=environment(company.home),
            stdout=subprocess.DEVNULL,
            stderr=stream,
            start_new_session=True,
        )
    with process:
        if aim.after is not None:
            landmark = landmarks(company)[aim.after]
            while process.poll() is None and not touched(landmark, since):
                time.sleep(LOOK_SECONDS)
        try:
            process.wait(aim.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return phase(company, since)
    assert process.returncode == 0, said.read_text()
    return None


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_anywhere_the_next_run_ends_with_the_same_marts(
    company: Company, published_sample: Company, sample_seconds: float, record_property: Any
) -> None:
    """One company suffers all kills in a row, so that what one leaves behind also meets the next."""
    clean, expected = marts(published_sample), rows(published_sample.settings.published_dir)
    deaths = Counter[str]()
    with watched(company.settings.published_dir, expected):
        for aim in aims(company, sample_seconds, random.Random(7)):
            while (died := killed(company, aim)) is None:  # faster than the clean run was: earlier, and again
                aim = replace(aim, seconds=aim.seconds / 2)
            deaths[died] += 1
            if (company.settings.published_dir / CURRENT).exists():
                assert marts(company) == clean, f"killed {died}: readers must see a whole snapshot"
        company.scrm(*DEMO)
        time.sleep(20 * POLL_SECONDS)  # the reader looks at the last publication, too
    record_property("deaths", dict(deaths))
    print(f"\nkilled {dict(deaths)}")  # noqa: T201 - the figure that the drill is for
    assert sum(deaths.values()) == KILLS
    assert KILLS < 3 or set(deaths) - {"before the first commit", "landing", "loading the graph"}, "none met a build"
    assert marts(company) == clean
    assert company.scrm_json("lake", "verify")["problems"] == []
    assert_nothing_is_left_over(company)


def assert_nothing_is_left_over(company: Company) -> None:
    published, lake = company.settings.published_dir, company.settings.lake_dir
    assert [path.name for path in published.glob("*.tmp*")] == []
    assert {path.stem for path in published.glob("serve-*.duckdb")} == {p.stem for p in published.glob("serve-*.json")}
    assert list((lake / "writing").iterdir()) == []
    named = {file.path for entry in Lake(lake).entries() for file in entry.files}
    found = {str(path.relative_to(lake)) for zone in lake.iterdir() if zone.is_dir() for path in zone.glob("*/*")}
    assert found == named, "files that no line of the manifest names"
    ids = Lake(lake).read("decided", "customer_ids")
    assert ids.select("identifier_type", "identifier").is_unique().all(), "an identifier was decided twice"
    assert {path.name for path in company.settings.promoted_dir.parent.iterdir()} == {"promoted", ".lock"}
