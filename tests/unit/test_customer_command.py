"""``scrm customer show``: the record with its sources, masked unless asked for, one JSON document."""

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
    monkeypatch.setenv("COLUMNS", "240")
    return tmp_path


def show(*arguments: str, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, ["customer", "show", *arguments])
    assert result.exit_code == expect, f"{result.stdout}\n{result.stderr}\n{result.exception!r}"
    return result


@pytest.mark.usefixtures("home")
def test_every_field_tells_its_record_and_the_value_that_came_second():
    told = json.loads(show("C000001", "--show", "--json").stdout)
    phone = next(row for row in told["fields"] if row["field"] == "phone")
    assert (phone["value"], phone["decided_by"]) == ("+8613800000001", "verified")
    assert (phone["runner_up_value"], phone["runner_up_record_id"]) == ("+8613900000001", "orders:S03:O0000001")
    assert {(row["kind"], row["is_primary"]) for row in told["contact_points"]} == {
        *(("phone", True), ("phone", False), ("email", True), ("wecom", True))
    }
    assert [row["userid"] for row in told["owners"]] == ["u02"]
    assert told["customer"]["home_store_rule"] == "stated"


@pytest.mark.usefixtures("home")
def test_values_are_masked_unless_they_are_asked_for():
    told = show("C000001").stderr
    assert "+86138****0001" in told and "+8613800000001" not in told
    assert "home store: S02 (stated)" in told
    whole = show("phone:13800000003", "--show").stderr
    assert "+8613800000003" in whole and "skin type" in whole


def test_nobody_and_nothing_published_end_with_a_message(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert "nobody is known by 13900000000" in " ".join(show("13900000000", expect=1).stderr.split())
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "empty"))
    assert "scrm run" in show("C000001", expect=1).stderr
