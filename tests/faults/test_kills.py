"""SIGKILL at random moments of import and run, then run again: the published marts are those of a clean run."""

import os
import random
import signal
import subprocess

import pytest

from models.contracts.published import PUBLISHED
from models.serving.pointer import read_pointer
from pipelines.warehouse import digests
from tests.conftest import SAMPLE, Company, environment, scrm_command

KILLS = int(os.environ.get("SCRM_TEST_KILLS", "3"))
MARTS = {name for name, table in PUBLISHED.items() if table.in_digest}


def marts(company: Company) -> dict[str, str]:
    folder = company.settings.published_dir
    pointer = read_pointer(folder)
    assert pointer is not None
    return {name: digest for name, digest in digests(folder / pointer.file).items() if name in MARTS}


@pytest.fixture(scope="module")
def clean_marts(published_sample: Company) -> dict[str, str]:
    return marts(published_sample)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_anywhere_the_next_run_ends_with_the_same_marts(company: Company, clean_marts: dict[str, str]) -> None:
    """One company suffers all kills in a row, so that what one leaves behind also meets the next."""
    moments = random.Random(7)
    command = scrm_command("demo", "--from", str(SAMPLE), "--no-dashboard")
    typical = 45.0
    for number in range(KILLS):
        process = subprocess.Popen(
            command,
            env=environment(company.home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(moments.uniform(1.0, typical))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if (company.settings.published_dir / "current.json").exists():
            assert marts(company) == clean_marts, f"after kill {number} readers must see a whole snapshot"
    company.scrm("demo", "--from", str(SAMPLE), "--no-dashboard")
    assert marts(company) == clean_marts
    assert company.scrm_json("lake", "verify")["problems"] == []
    left = [path.name for path in company.settings.published_dir.glob("*.tmp*")]
    assert left == [], "no scratch file survives the run that follows"
