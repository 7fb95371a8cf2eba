"""The page of what must hold in settlement names tests and checks that exist, for every invariant."""

import re

from models.settings import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "settlement-proof.md"
ROW = re.compile(r"^\| (I\d+) \| .+ \| (.*) \| \[[^\]]+\]\(\.\./(tests/\S+)\) `(\w+)` \|$", re.MULTILINE)


def test_every_invariant_has_a_test_that_exists() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert [name for name, *_ in rows] == [f"I{number}" for number in range(1, 21)]
    for name, _, path, test in rows:
        assert f"def {test}(" in (PROJECT_ROOT / path).read_text(encoding="utf-8"), f"{name}: {path}::{test}"


def test_every_check_of_a_run_that_is_named_exists() -> None:
    known = {path.stem for path in (PROJECT_ROOT / "dbt_project" / "tests").rglob("assert_*.sql")}
    named = set(re.findall(r"`(assert_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert named
    assert named <= known
