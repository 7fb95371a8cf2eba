"""SIGKILL at random moments of import and run, then run again: the published marts are those of a clean run (22-26).

``test_points.py`` kills at the named points, which costs a second each; here a whole run of the sample dies.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from models.serving import Snapshots
from models.serving.pointer import CURRENT
from pipelines.lake import Lake
from pipelines.publishing import CANDIDATE, SEAL
from tests.conftest import SAMPLE, Company, environment, scrm_command
from tests.faults.conftest import EVERYTHING, KILLS, WHOLE_RUN_KILLS, Figure
from tests.faults.watching import watched
from tests.faults.works import MARTS
from tests.faults.works import marts as marts_of

RECOVERY_SECONDS = 60
DEMO = ("demo", "--from", str(SAMPLE), "--no-dashboard")
ROWS = "select " + ", ".join(f'(select count(*) from "{name}") as "{name}"' for name in sorted(MARTS))
LOOK_SECONDS = 0.01


def marts(company: Company) -> dict[str, str]:
    return marts_of(company.settings.published_dir)


def rows(folder: Path) -> tuple[int, ...]:
    return Snapshots(folder).current().query(ROWS, {}).row(0)


def landmarks(company: Company) -> dict[str, Path]:
    """What a run leaves on its way, in order: the phase that begins, and the file that is written then."""
    settings = company.settings
    building, published = settings.building_dir, settings.published_dir
    return {
        "landing": settings.lake_dir / "manifest.jsonl",
        "loading the graph": settings.home / "logs" / "run.log",
        "before identities": building / "run.json",
        "links": building / "checks-identity.json",
        "facts": building / "checks-links.json",
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
    timed, named = (WHOLE_RUN_KILLS + 1) // 2, list(landmarks(company))[::-1]
    moments = [Aim((part + chance.random()) / timed * duration) for part in range(timed)]
    in_phases = [
        Aim(chance.uniform(0, 0.3 if name == "publishing" else 1.5), after=name)
        for name in (named[number % len(named)] for number in range(WHOLE_RUN_KILLS - timed))
    ]
    found = [*moments, *in_phases]
    chance.shuffle(found)
    return found


def killed(company: Company, aim: Aim) -> str | None:
    """Run the demo and kill it, children and all; where it died, or None when it ended before.

    Its temporary files go, too, as with a restart of the machine.
    """
    since = time.time()
    said, temporary = company.home.parent / "said.txt", company.home.parent / "tmp"
    temporary.mkdir()
    try:
        return _killed(company, aim, since, said, temporary)
    finally:
        shutil.rmtree(temporary)


def _killed(company: Company, aim: Aim, since: float, said: Path, temporary: Path) -> str | None:
    with said.open("wb") as stream:
        process = subprocess.Popen(
            scrm_command(*DEMO),
            env=environment(company.home, TMPDIR=str(temporary)),
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


def mended(company: Company) -> float:
    """Seconds of the next run after a death, without any hand work."""
    started = time.monotonic()
    company.scrm(*DEMO, apart=True)
    return time.monotonic() - started


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_killed_anywhere_the_next_run_ends_with_the_same_marts(
    company: Company, published_sample: Company, sample_seconds: float, figure: Figure
) -> None:
    """One company suffers all kills in a row, so that what one leaves behind also meets the next."""
    clean, expected = marts(published_sample), rows(published_sample.settings.published_dir)
    deaths, recoveries = Counter[str](), []
    with watched(company.settings.published_dir, ROWS, frozenset({expected})) as watch:
        for aim in aims(company, sample_seconds, random.Random(7)):
            while (died := killed(company, aim)) is None:  # faster than the clean run was: earlier, and again
                aim = replace(aim, seconds=aim.seconds / 2)
            deaths[died] += 1
            if (company.settings.published_dir / CURRENT).exists():
                assert marts(company) == clean, f"killed {died}: readers must see a whole snapshot"
            if KILLS >= EVERYTHING:  # with fewer, one dies on what the other left, which costs less
                recoveries.append(mended(company))
                assert marts(company) == clean, f"killed {died}, then run again"
        recoveries.append(mended(company))
    assert sum(deaths.values()) == WHOLE_RUN_KILLS
    assert WHOLE_RUN_KILLS < 3 or set(deaths) - {"before the first commit", "landing", "loading the graph"}, (
        "none met a build"
    )
    assert marts(company) == clean
    assert company.scrm_json("lake", "verify")["problems"] == []
    assert_nothing_is_left_over(company)
    figure(
        kills=WHOLE_RUN_KILLS,
        equal_digests=WHOLE_RUN_KILLS,
        torn_reads=0,
        reads=watch.answers,
        recovery_seconds=round(max(recoveries), 1),
        clean_run_seconds=sample_seconds,
        deaths=", ".join(f"{count} {name}" for name, count in sorted(deaths.items())),
    )
    if KILLS >= EVERYTHING:  # on a machine that does nothing else: as long as a clean run, and half as much again
        assert max(recoveries) <= max(RECOVERY_SECONDS, 1.5 * sample_seconds)


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
