"""A table whose grain does not hold stops the build where it stands.

The accident it prevents: a key that stands twice, and doubles whatever is built upon it.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests import dbt_runs

#: Members of staff with the store in which they work, and who reads it.
SELECTION = ("build", "--select", "staff_stores", "serve_staff")


def _staff(building: Path, ids: Sequence[str | None], stores: Sequence[str] = ("S1",)) -> None:
    """Staff in WeCom; the one called A works in these stores at once."""
    (building / "inputs" / "run").mkdir(parents=True)
    run = pl.DataFrame({"business_date": [date(2026, 6, 30)]})
    run.write_parquet(building / "inputs" / "run" / "rows.parquet")
    with duckdb.connect(str(building / "warehouse.duckdb")) as connection:
        connection.execute(
            """create table stg_wecom__staff as select unnest($ids::text[]) as userid, '' as name, '' as position,
            1::bigint as status, true as is_current""",
            {"ids": ids},
        )
        connection.execute(
            """create table staff_periods as select 'A' as staff_id, unnest($stores::text[]) as store_id,
            date '2026-01-01' as valid_from, date '9999-12-31' as valid_to""",
            {"stores": stores},
        )


@pytest.mark.parametrize(
    ("ids", "stores", "found"),
    [(("A", "B"), ("S1", "S2", "S3"), 1), (("B", None), ("S1",), 1), (("B", "B", "C", "C", None), ("S1",), 3)],
)
def test_a_key_twice_or_null_stops_the_build_by_name(
    tmp_path: Path, ids: Sequence[str | None], stores: Sequence[str], found: int
) -> None:
    building = tmp_path / "building"
    _staff(building, ids, stores)
    assert dbt_runs.states(building, *SELECTION) == {"staff_stores": "error", "serve_staff": "skipped"}
    with pytest.raises(AssertionError, match=rf"staff_stores.*grain \(userid\) does not hold: {found} of its keys"):
        dbt_runs.passed(building, *SELECTION)
    assert set(dbt_runs.tables(building)) == {"stg_wecom__staff", "staff_periods"}, "what does not hold is taken back"


def test_keys_that_stand_once_are_taken(tmp_path: Path) -> None:
    building = tmp_path / "building"
    _staff(building, ["A", "B"])
    assert dbt_runs.states(building, *SELECTION) == {"staff_stores": "success", "serve_staff": "success"}
    assert dbt_runs.tables(building)["serve_staff"].select("userid", "store_id").rows() == [("A", "S1"), ("B", None)]


def test_a_table_takes_the_place_of_an_older_one_or_of_a_view(tmp_path: Path) -> None:
    building = tmp_path / "building"
    _staff(building, ["A"])
    for older in ("table staff_stores as select 7 as seven", "view staff_stores as select 7 as seven"):
        with duckdb.connect(str(building / "warehouse.duckdb")) as connection:
            connection.execute("drop table if exists staff_stores")
            connection.execute(f"create {older}")
        dbt_runs.passed(building, "run", "--select", "staff_stores")
        assert dbt_runs.tables(building)["staff_stores"]["userid"].to_list() == ["A"]


def test_every_table_and_view_says_its_grain_or_reads_one_that_does() -> None:
    """Views are other words for rows that a table has by the same key."""
    models = [node for node in dbt_runs.project().manifest.nodes.values() if node.resource_type == "model"]
    silent = {node.name: node.config.materialized for node in models if not node.config.meta.get("grain")}
    assert set(silent.values()) <= {"view", "ephemeral"}, silent
