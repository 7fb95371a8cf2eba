"""``scrm process``: one document for machines, words for people, and what it refuses."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.cli import app

pytestmark = pytest.mark.slow  # dbt parses once
TICKETS = """ticket,state,changed_at,due_at,solved_at,begun_at
1,opened,2026-01-05 09:00,2026-01-06 09:00,2026-01-05 18:00,
1,waiting,2026-01-05 10:00,,,
1,solved,2026-01-05 18:00,,,2026-01-05 17:00
2,opened,2026-01-09 17:00,2026-01-12 09:00,2026-01-12 10:00,
2,solved,2026-01-12 10:00,,,2026-01-12 09:30
,opened,2026-01-12 11:00,,,
"""
COLUMNS = ("--case", "ticket", "--activity", "state", "--at", "changed_at")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    (tmp_path / "tickets.csv").write_text(TICKETS, encoding="utf-8")
    (tmp_path / "targets.csv").write_text("activity,target_hours,waits_for\nopened,1,\nwaiting,,customer\n")

    def called(*arguments: str, expect: int = 0) -> Result:
        result = CliRunner().invoke(app, ["process", str(tmp_path / "tickets.csv"), *COLUMNS, *arguments])
        assert result.exit_code == expect, result.stderr
        return result

    return called


def test_figures_of_a_small_log_by_hand(call, tmp_path: Path) -> None:
    given = ("--deadline", "due_at", "--end", "solved_at", "--zone", "Asia/Shanghai", "--hours", "8-18")
    told = json.loads(call(*given, "--targets", str(tmp_path / "targets.csv"), "--json").stdout)
    (throughput,), (working,) = told["throughput"], told["working_time"]
    assert (throughput["cases_count"], throughput["events_count"], told["left_out"]) == (2, 5, 1)
    assert throughput["longest_seconds"] == 65 * 3600  # Friday 17:00 to Monday 10:00
    assert working["longest_seconds"] == 9 * 3600  # the first: 9:00 to 18:00; the second: an hour and two
    assert working["mean_seconds"] == 6 * 3600
    (due,) = told["deadlines"]
    assert (due["dated_count"], due["ended_count"], due["ended_late"], due["last_event_late"]) == (2, 2, 1, 1)
    places = {(row["activity"], row["next_activity"]): row for row in told["bottlenecks"]}
    assert places["waiting", "solved"]["waits_for"] == "customer"
    assert places["opened", "solved"]["excess_seconds"] == 2 * 3600  # three working hours, one of them allowed
    assert places["opened", "waiting"]["late_count"] == 0
    assert "waiting" not in told
    shown = call("--top", "3").stderr
    assert "throughput" in shown
    assert "1 rows without case, activity or time are left out" in shown


def test_waiting_is_told_apart_from_work(call) -> None:
    told = json.loads(call("--start", "begun_at", "--json").stdout)
    took = {
        name: {(row["activity"], row["next_activity"]): row["mean_seconds"] / 3600 for row in told[name]}
        for name in ("waiting", "work")
    }
    assert took == {
        "waiting": {("waiting", "solved"): 7, ("opened", "solved"): 64.5},
        "work": {("waiting", "solved"): 1, ("opened", "solved"): 0.5},
    }


def test_what_does_not_hold_is_said(call, tmp_path: Path) -> None:
    assert "no IANA time zone" in call("--zone", "Mars", expect=2).stderr
    assert "two whole hours" in call("--hours", "18-8", expect=2).stderr
    (tmp_path / "odd.csv").write_text("activity,waits_for\nopened,nobody\n", encoding="utf-8")
    assert "waits_for is nobody" in call("--targets", str(tmp_path / "odd.csv"), expect=1).stderr
    (tmp_path / "odd.xes").write_text("<?xml version='1.0'?><log><trace>", encoding="utf-8")
    broken = CliRunner().invoke(app, ["process", str(tmp_path / "odd.xes")])
    assert broken.exit_code == 1
    assert "not readable as XES" in broken.stderr
