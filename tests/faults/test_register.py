"""The table of faults and the tests go together: no line without its test, no fault of the drill without its line."""

import ast
import re
from pathlib import Path

import pytest

from models.settings import PROJECT_ROOT
from tests.benchmarks.bench_faults import Outcome, table
from tests.faults.register import REGISTER

#: The faults of systems outside, of storage, files and money.
PROMISED = range(1, 50)


def functions(path: str) -> set[str]:
    tree = ast.parse((PROJECT_ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("fault", REGISTER, ids=lambda fault: str(fault.number))
def test_every_test_of_the_register_exists(fault) -> None:
    missing = [node for node in fault.tests if node.split("::")[1] not in functions(node.split("::")[0])]
    assert missing == []
    assert fault.tests or fault.not_yet


def test_every_promised_fault_has_its_line_once_and_in_order() -> None:
    numbers = [fault.number for fault in REGISTER]
    assert numbers == sorted(set(numbers))
    assert set(PROMISED) <= set(numbers)


def test_the_page_names_every_fault_of_the_register() -> None:
    page = (PROJECT_ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    lines = {int(number): line for number, line in re.findall(r"^\| (\d+) (\|.*)$", page, flags=re.MULTILINE)}
    assert set(lines) == {fault.number for fault in REGISTER}
    for fault in REGISTER:
        assert fault.what in lines[fault.number]
        for node in fault.tests:
            assert f"{Path(node.split('::')[0]).name}" in lines[fault.number]


def test_a_line_is_green_only_when_all_its_tests_passed() -> None:
    tests = next(fault.tests for fault in REGISTER if fault.number == 22)
    first, second = tests[:2]
    passed = {first: Outcome("passed", {"kills": 3}), second: Outcome("passed", {"kills": 4})}
    rows = {row["fault"]: row for row in table(passed | {test: Outcome("passed", {}) for test in tests[2:]})}
    assert rows[22]["state"] == "holds"
    assert rows[22]["figures"] == ["kills 3", "kills 4"]
    rows = {row["fault"]: row for row in table({**passed, second: Outcome("skipped", {})})}
    assert rows[22]["state"] == "not run"
    rows = {row["fault"]: row for row in table({**passed, second: Outcome("failed", {})})}
    assert rows[22]["state"] == "BROKEN"
