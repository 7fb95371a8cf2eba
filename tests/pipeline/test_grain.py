"""A table whose grain does not hold stops the build where it stands.

The accident it prevents: a key that stands twice, and doubles whatever is built upon it.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from tests import dbt_runs

#: A table by its key, and one that reads it.
SELECTION = ("build", "--select", "customer_numbers", "buyer_days")


def _customers(building: Path, ids: Sequence[str | None]) -> None:
    building.mkdir()
    with duckdb.connect(str(building / "warehouse.duckdb")) as connection:
        connection.execute("create table customers as select unnest($ids::text[]) as customer_id", {"ids": ids})


@pytest.mark.parametrize(("ids", "found"), [(("C1", "C2", "C1", "C1"), 1), (("C1", None), 1), (("A", "A", None), 2)])
def test_a_key_twice_or_null_stops_the_build_by_name(tmp_path: Path, ids: Sequence[str | None], found: int) -> None:
    building = tmp_path / "building"
    _customers(building, ids)
    assert dbt_runs.states(building, *SELECTION) == {"customer_numbers": "error", "buyer_days": "skipped"}
    with pytest.raises(AssertionError, match=rf"customer_numbers.*grain \(customer_id\) does not hold: {found} of its"):
        dbt_runs.passed(building, *SELECTION)
    assert set(dbt_runs.tables(building)) == {"customers"}, "what does not hold is taken back"


def test_keys_that_stand_once_are_taken(tmp_path: Path) -> None:
    building = tmp_path / "building"
    _customers(building, ["C1", "C2"])
    assert dbt_runs.states(building, "build", "--select", "customer_numbers") == {"customer_numbers": "success"}


def test_a_table_takes_the_place_of_an_older_one_or_of_a_view(tmp_path: Path) -> None:
    building = tmp_path / "building"
    _customers(building, ["C1", "C2"])
    for older in ("table customer_numbers as select 7 as seven", "view customer_numbers as select 7 as seven"):
        with duckdb.connect(str(building / "warehouse.duckdb")) as connection:
            connection.execute("drop table if exists customer_numbers")
            connection.execute(f"create {older}")
        dbt_runs.passed(building, "run", "--select", "customer_numbers")
        assert dbt_runs.tables(building)["customer_numbers"].rows() == [("C1", 1), ("C2", 2)]


def test_every_table_and_view_says_its_grain_or_reads_one_that_does() -> None:
    """Views are other words for rows that a table has by the same key."""
    models = [node for node in dbt_runs.project().manifest.nodes.values() if node.resource_type == "model"]
    silent = {node.name: node.config.materialized for node in models if not node.config.meta.get("grain")}
    assert set(silent.values()) <= {"view", "ephemeral"}, silent
