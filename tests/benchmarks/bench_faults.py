"""The table of faults: every test of the register is run, and hands over what it measured.

Here with 200 kills of imports, runs and publications (``SCRM_TEST_KILLS``), 200 more of syncs, spread over the
connectors (``SCRM_TEST_SYNC_KILLS``), and 20 seeds of troubles for each connector (``SCRM_TEST_FAULT_SEEDS``).
"""

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from tests.faults.register import REGISTER, Fault

AMOUNT = {"SCRM_TEST_KILLS": "200", "SCRM_TEST_SYNC_KILLS": "200", "SCRM_TEST_FAULT_SEEDS": "20"}
#: Of a test with parameters the first of these that one of its cases has. A case is skipped where there is nothing to
#: try (a connector without pages has no empty page); the figures count such cases.
OUTCOMES = ("failed", "passed", "skipped")


@dataclass
class Outcome:
    """``outcome``: passed, skipped or failed; ``figures`` by name, added up over a test's parameters when counts."""

    outcome: str
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class Collector:
    """A pytest plugin: the outcome and the figures of each test, by its id without parameters."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        known = self.outcomes.setdefault(report.nodeid.split("[")[0], Outcome(report.outcome))
        known.outcome = min(known.outcome, report.outcome, key=OUTCOMES.index)
        if report.outcome == "skipped":
            known.figures["cases_skipped"] = known.figures.get("cases_skipped", 0) + 1
        known.seconds = round(known.seconds + report.duration, 1)
        for name, value in report.user_properties:
            known.figures[name] = _together(name, known.figures.get(name), value)


def _together(name: str, before: Any, value: Any) -> Any:
    if isinstance(before, int | float) and isinstance(value, int | float):
        return max(before, value) if name.endswith(("_seconds", "_mb")) else before + value
    return value


def table(outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """One row per fault: number, what, tests, figures as text, state (holds, BROKEN, not run), what is not covered."""
    return [_row(fault, [outcomes.get(test, Outcome("skipped")) for test in fault.tests]) for fault in REGISTER]


def _row(fault: Fault, found: list[Outcome]) -> dict[str, Any]:
    worst = min((outcome.outcome for outcome in found), key=("failed", "skipped", "passed").index, default="skipped")
    said = [", ".join(f"{name} {value}" for name, value in outcome.figures.items()) for outcome in found]
    return {
        "fault": fault.number,
        "what": fault.what,
        "tests": list(fault.tests),
        "figures": [text for text in said if text],
        "state": {"passed": "holds", "failed": "BROKEN", "skipped": "not run"}[worst],
        "not_yet": fault.not_yet,
    }


def show(rows: list[dict[str, Any]]) -> None:
    """The same for people, on stderr."""
    shown = Table("fault", "what", "state", "figures, as measured now", "not yet", title="Faults")
    for row in rows:
        shown.add_row(str(row["fault"]), row["what"], row["state"], "\n".join(row["figures"]), row["not_yet"])
    Console(stderr=True, width=160).print(shown)


def measure() -> dict[str, Any]:
    """Rows of the table, and of the kills: count, equal digests, torn reads, longest recovery in seconds."""
    for name, amount in AMOUNT.items():
        os.environ.setdefault(name, amount)
    collector = Collector()
    tests = list(dict.fromkeys(test for fault in REGISTER for test in fault.tests))
    with contextlib.redirect_stdout(sys.stderr):  # stdout belongs to the document
        code = pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[collector])
    rows = table(collector.outcomes)
    show(rows)
    killing = [outcome.figures for outcome in collector.outcomes.values() if "kills" in outcome.figures]
    return {
        "name": "faults",
        "pytest_exit_code": int(code),
        "kills": sum(figures["kills"] for figures in killing),
        "equal_digests": sum(figures["equal_digests"] for figures in killing),
        "torn_reads": sum(figures.get("torn_reads", 0) for figures in killing),
        "recovery_seconds": max((figures["recovery_seconds"] for figures in killing), default=None),
        "faults": rows,
    }
