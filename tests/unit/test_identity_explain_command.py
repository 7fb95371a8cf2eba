"""``scrm identity explain``: reasons in words, values masked unless they are asked for, one JSON document."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.cli import app
from tests.factories_snapshot import build_snapshot


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build_snapshot(tmp_path / "published")
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def explain(*arguments: str, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, ["identity", "explain", *arguments])
    assert result.exit_code == expect, f"{result.stdout}\n{result.stderr}\n{result.exception!r}"
    return result


@pytest.mark.usefixtures("home")
def test_a_link_is_told_with_its_reason_and_values_are_shown_on_demand_only():
    told = explain("record:S01:rec:C000003", "+8613800000003", "--json")
    answer = json.loads(told.stdout)
    assert (answer["verdict"], answer["left"], answer["steps"]) == ("one", "C000003", []), "one record states both"
    words = explain("C000001", "C000002").stderr
    assert "C000001 and C000002 are two customers" in words
    assert "their member no contradict" in " ".join(words.split())
    assert {"M0***01", "M0***02"} <= set(words.split())
    assert {"M000001", "M000002"} <= set(explain("C000001", "C000002", "--show").stderr.split())


@pytest.mark.usefixtures("home")
def test_a_likely_pair_is_told_with_its_weights_and_strangers_by_a_sentence():
    waiting = explain("C000003", "C000006").stderr
    assert "For a person to decide" in waiting and "64.0%" in waiting and "+8.00" in waiting and "-4.50" in waiting
    assert "nothing compares them" in " ".join(explain("C000010", "C000011").stderr.split())


def test_nobody_and_nothing_published_end_with_a_message(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert "nobody is known by 13900000000" in " ".join(explain("C000001", "13900000000", expect=1).stderr.split())
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "empty"))
    assert "scrm run" in explain("C000001", "C000002", expect=1).stderr
