"""The published contract: the document and the code say the same, and a snapshot that breaks it is refused."""

import re
from pathlib import Path

import duckdb
import pytest

from models.contracts.published import PUBLISHED, ContractError, check, create_statement

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
_SAME_AS_ABOVE = {"settlement_summary", "settlement_entries"}


@pytest.fixture
def everything() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in PUBLISHED:
        connection.execute(create_statement(table))
    return connection


def _documented() -> dict[str, tuple[list[str], set[str]]]:
    """Table → (ordered by, columns) from the architecture's table of published tables."""
    section = ARCHITECTURE.read_text(encoding="utf-8").split("## Published tables")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \| ([^|]+) \|$", section, flags=re.MULTILINE)
    return {
        name: (ordered.replace(",", " ").split(), set(re.findall(r"\w+", re.sub(r"\([^)]*\)", "", columns))))
        for name, ordered, columns in rows
        if name != "table"
    }


def test_every_table_and_lookup_key_of_the_document_is_promised_by_the_code():
    documented = _documented()
    assert len(documented) >= 16
    for name, (ordered, _) in documented.items():
        assert PUBLISHED[name].ordered_by[: len(ordered)] == tuple(ordered), name


def test_every_column_of_the_code_stands_in_the_document():
    for name, (ordered, words) in _documented().items():
        if name in _SAME_AS_ABOVE:
            continue
        # reason_1..3 is written as a range
        spelled = words | set(ordered) | {f"{word}_{n}" for word in ("reason", "effect_ppm") for n in (1, 2, 3)}
        assert set(PUBLISHED[name].columns) <= spelled, name


def test_lookup_keys_are_columns():
    for table in PUBLISHED.values():
        assert set(table.ordered_by) <= set(table.columns), table.name


def test_a_complete_snapshot_passes(everything):
    check(everything)


def test_all_breaches_are_told_at_once(everything):
    everything.execute("drop table refunds")
    everything.execute("alter table customers drop column phone")
    everything.execute("alter table orders alter column paid_amount type double")
    with pytest.raises(ContractError) as told:
        check(everything)
    for part in ("table refunds is missing", "customers.phone is missing", "orders.paid_amount is DOUBLE"):
        assert part in str(told.value)


def test_a_newer_writer_may_add_columns(everything):
    everything.execute("alter table customers add column loyalty_tier varchar")
    check(everything)


def test_unknown_table_is_named():
    with pytest.raises(KeyError, match="no_such_table"):
        create_statement("no_such_table")
