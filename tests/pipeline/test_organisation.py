"""Stores and staff as of a date: a fact takes the state of its own day.

The accidents it prevents: a store that becomes a franchise changes last year's settlement; next month's export, which
says nothing of dates, rewrites the past or brings a change forward that is announced for later; an employee takes the
facts of the old store along to the new one; who left still works here.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests import dbt_runs
from tests.factories_lake import HandMadeLake, Row, at, completed_pass, order_line, staff, store

pytestmark = pytest.mark.slow
EVER, OPEN = date(1900, 1, 1), date(9999, 12, 31)


def employee(staff_id: str, store_id: str | None, **more: object) -> Row:
    return {"staff_id": staff_id, "userid": f"u-{staff_id}", "name": staff_id, "store_id": store_id, **more}


def first_delivery() -> dict[str, Sequence[Row]]:
    return {
        "stores": [
            store("KEPT", brand="One", legal_entity="East Ltd", agent_id="A1"),
            store("TURNED", store_type="direct"),
            store("TURNED", store_type="franchise", valid_from=date(2025, 7, 1)),
            store("CORRECTED", store_type="direct"),
            store("ANNOUNCED", store_type="direct"),
            store("ANNOUNCED", store_type="agent", valid_from=date(2026, 1, 1)),
            store("MOVED", region="east", valid_from=date(2020, 5, 1)),
        ],
        "staff": [
            employee("stays", "KEPT"),
            employee("moves", "KEPT"),
            employee("leaves", "TURNED", left_on=date(2025, 8, 31)),
            employee("unplaced", None),
        ],
        "wecom_staff": [staff("u-unplaced", "KEPT"), staff("u-moves", "TURNED"), staff("walks", "KEPT")],
        "wecom_syncs": completed_pass("pass-1"),
        "orders": [order_line("A", "2025-06-01 02:00", store_id="UNDECLARED")],
    }


def second_delivery() -> dict[str, Sequence[Row]]:
    """Four months later: an export without dates, and what is new."""
    return {
        "stores": [
            store("TURNED", store_type="franchise", city="Hangzhou"),
            store("CORRECTED", store_type="franchise"),
            store("ANNOUNCED", store_type="direct", city="Suzhou"),
            store("MOVED", region="south", valid_from=date(2025, 8, 1)),
        ],
        "staff": [employee("moves", "TURNED", valid_from=date(2025, 8, 15))],
        "wecom_staff": [
            staff("walks", "MOVED", sync_id="pass-2"),
            staff("u-unplaced", "KEPT", sync_id="pass-2"),
            staff("u-moves", "TURNED", sync_id="pass-2"),
        ],
        "wecom_syncs": completed_pass("pass-2"),
    }


def built(folder: Path, business_date: date, *, reverse_rows: bool = False) -> dict[str, pl.DataFrame]:
    lake = HandMadeLake(
        business_date,
        batches=[first_delivery(), second_delivery()],
        landed_at=[at("2025-05-20 03:00"), at("2025-09-10 20:00")],  # the second on the 11th in Shanghai
    )
    building = folder / "building"
    lake.write(building, reverse_rows=reverse_rows)
    database = building / "warehouse.duckdb"
    database.unlink(missing_ok=True)
    dbt_runs.passed(building, "build", "--select", "+stores", "+staff_stores", "--exclude", "test_type:unit")
    with duckdb.connect(str(database), read_only=True) as connection:
        return {
            name: connection.table(name).pl() for name in ("stores", "store_periods", "staff_periods", "staff_stores")
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("organisation")


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[str, pl.DataFrame]:
    return built(folder, date(2025, 10, 1))


def periods(frame: pl.DataFrame, key: str, value: str, *columns: str) -> list[tuple[object, ...]]:
    return frame.filter(pl.col(key) == value).sort("valid_from").select("valid_from", "valid_to", *columns).rows()


def test_a_dated_row_begins_a_state_and_the_first_one_holds_before_it(tables: dict[str, pl.DataFrame]) -> None:
    assert periods(tables["store_periods"], "store_id", "MOVED", "region") == [
        (EVER, date(2025, 8, 1), "east"),
        (date(2025, 8, 1), OPEN, "south"),
    ]


def test_an_undated_row_corrects_the_newest_state_and_leaves_the_past(tables: dict[str, pl.DataFrame]) -> None:
    assert periods(tables["store_periods"], "store_id", "TURNED", "store_type", "city") == [
        (EVER, date(2025, 7, 1), "direct", None),
        (date(2025, 7, 1), OPEN, "franchise", "Hangzhou"),
    ]
    assert periods(tables["store_periods"], "store_id", "CORRECTED", "store_type") == [(EVER, OPEN, "franchise")]


def test_what_is_announced_is_not_yet_and_no_export_brings_it_forward(
    folder: Path, tables: dict[str, pl.DataFrame]
) -> None:
    assert periods(tables["store_periods"], "store_id", "ANNOUNCED", "store_type", "city") == [
        (EVER, OPEN, "direct", "Suzhou")
    ]
    later = built(folder, date(2026, 2, 1))
    assert periods(later["store_periods"], "store_id", "ANNOUNCED", "store_type") == [
        (EVER, date(2026, 1, 1), "direct"),
        (date(2026, 1, 1), OPEN, "agent"),
    ]
    assert later["stores"].filter(pl.col("store_id") == "ANNOUNCED")["store_type"].to_list() == ["agent"]


def test_a_store_has_one_state_a_day_and_one_now(tables: dict[str, pl.DataFrame]) -> None:
    found = tables["store_periods"].sort("store_id", "valid_from")
    assert found.filter(pl.col("valid_to") != pl.col("valid_from").shift(-1).over("store_id")).is_empty()
    assert sorted(tables["stores"]["store_id"]) == ["ANNOUNCED", "CORRECTED", "KEPT", "MOVED", "TURNED", "UNDECLARED"]
    kept = tables["stores"].row(by_predicate=pl.col("store_id") == "KEPT", named=True)
    assert (kept["brand"], kept["legal_entity"], kept["agent_id"]) == ("One", "East Ltd", "A1")


def test_staff_work_where_the_list_says_and_else_where_wecom_does(tables: dict[str, pl.DataFrame]) -> None:
    found = tables["staff_periods"]
    assert periods(found, "staff_id", "u-moves", "store_id", "source") == [
        (EVER, date(2025, 8, 15), "KEPT", "staff"),
        (date(2025, 8, 15), OPEN, "TURNED", "staff"),
    ]
    assert periods(found, "staff_id", "u-unplaced", "store_id", "source") == [(EVER, OPEN, "KEPT", "wecom")]
    assert periods(found, "staff_id", "u-leaves", "store_id") == [(EVER, date(2025, 9, 1), "TURNED")]


def test_a_move_in_wecom_counts_from_the_day_on_which_it_was_read(tables: dict[str, pl.DataFrame]) -> None:
    assert periods(tables["staff_periods"], "staff_id", "walks", "store_id") == [
        (EVER, date(2025, 9, 11), "KEPT"),
        (date(2025, 9, 11), OPEN, "MOVED"),
    ]
    now = dict(tables["staff_stores"].select("userid", "store_id").rows())
    assert now == {"walks": "MOVED", "u-unplaced": "KEPT", "u-moves": "TURNED"}


def test_the_order_of_rows_does_not_matter(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    again = built(folder, date(2025, 10, 1), reverse_rows=True)
    assert {name: frame.sort(pl.all()).rows() for name, frame in again.items()} == {
        name: frame.sort(pl.all()).rows() for name, frame in tables.items()
    }
