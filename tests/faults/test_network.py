"""Nothing listens beyond loopback, nothing is tried towards the outside (59, 72): a demo and its screens, offline."""

import json
from pathlib import Path

import pytest

from tests.faults.conftest import Figure
from tests.faults.test_failing_disk import privately


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_demo_and_its_screens_listen_on_loopback_only_and_try_nothing_outside(tmp_path: Path, figure: Figure) -> None:
    home = tmp_path / "home"
    done = privately(["-m", "tests.faults.offline", str(home), str(tmp_path)], home, "--net")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["control"] > 0, "the counter must see an attempt, or its silence means nothing"
    assert found["loopback_connections"] > 0, "so must the audit hook: the demo's connector talks to its sandbox"
    assert found["without_route"] == 0
    assert found["named"] == []
    assert found["listeners"], "the screens must have been up"
    assert set(found["listeners"]) <= {"127.0.0.1", "::1"}
    assert found["bytes_of_pages"] > 10_000
    figure(outbound_attempts=found["without_route"] + len(found["named"]), listeners=", ".join(found["listeners"]))
