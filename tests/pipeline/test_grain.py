"""A table whose grain does not hold stops the build where it stands.

The accident it prevents: a key that stands twice, and doubles whatever is built upon it.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests import dbt_runs

#: A table by its key, and one that reads it.
SELECTION = ("run", "--select", "settlement_components", "settlement_rule_weights")


def _rules(building: Path, ids: Sequence[str | None]) -> None:
    """Rules of one component each, which stands in the table with and without a salesperson."""
    folder = building / "inputs" / "settlement_rules"
    folder.mkdir(parents=True)
    party = {"party_role": "HQ", "party_kind": "hq", "component_seq": 1, "weight": 7, "is_residual": True}
    party["component"] = "split"
    rules = pl.DataFrame([{"rule_id": rule, "rule_version": "1", **party} for rule in ids])
    rules.write_parquet(folder / "rows.parquet")


@pytest.mark.parametrize(("ids", "found"), [(("R", "S", "R", "R"), 2), (("R", None), 1), (("R", "R", None), 3)])
def test_a_key_twice_or_null_stops_the_build_by_name(tmp_path: Path, ids: Sequence[str | None], found: int) -> None:
    _rules(tmp_path, ids)
    states = {"settlement_components": "error", "settlement_rule_weights": "skipped"}
    assert dbt_runs.states(tmp_path, *SELECTION) == states
    with pytest.raises(AssertionError, match=rf"settlement_components.*does not hold: {found} of its"):
        dbt_runs.passed(tmp_path, *SELECTION)
    assert not dbt_runs.tables(tmp_path), "what does not hold is taken back"


def test_keys_that_stand_once_are_taken(tmp_path: Path) -> None:
    _rules(tmp_path, ["R", "S"])
    assert set(dbt_runs.states(tmp_path, *SELECTION).values()) == {"success"}


def test_a_table_takes_the_place_of_an_older_one_or_of_a_view(tmp_path: Path) -> None:
    _rules(tmp_path, ["R", "S"])
    for older in ("table", "view"):
        with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
            connection.execute("drop table if exists settlement_components")
            connection.execute(f"create {older} settlement_components as select 7 as seven")
        dbt_runs.passed(tmp_path, "run", "--select", "settlement_components")
        assert dbt_runs.tables(tmp_path)["settlement_components"].height == 4


def test_every_table_says_its_grain_and_every_view_reads_one_that_does() -> None:
    """Views are other words for rows that a table has by the same key."""
    nodes = dbt_runs.project().manifest.nodes
    models = {name: node for name, node in nodes.items() if node.resource_type == "model"}
    with_grain = {name for name, model in models.items() if model.config.meta.get("grain")}
    silent = [model for name, model in models.items() if name not in with_grain]
    assert {model.config.materialized for model in silent} <= {"view", "ephemeral"}
    views = [model for model in silent if model.config.materialized == "view"]
    assert not [view.name for view in views if not with_grain.intersection(view.depends_on.nodes)]
