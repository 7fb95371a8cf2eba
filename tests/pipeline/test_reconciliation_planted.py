"""A year of a sandbox company with planted differences of every kind, measured against the sandbox's own truth.

The frames go through the lake's contracts and the project's staging models: what is tested is the road of a bill.
"""

from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.contracts import contract
from models.documents.reconciliation import ReconciliationDocument
from pipelines.sandbox import misbilling
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.landing_platforms import bills_of, platforms
from tests import dbt_runs
from tests.reconciliation_project import MODELS, TESTS, ReconciliationProject

pytestmark = pytest.mark.slow
ENDS_ON = date(2026, 6, 30)
EACH = 5
STAGING = ("stg_bills__bills", "stg_bills__payment_lines", "stg_files__payments")


@pytest.fixture(scope="module")
def company() -> FullWorld:
    return FullWorld.generate(3000, 7, ENDS_ON, days=365)


@pytest.fixture(scope="module")
def planted(company: FullWorld) -> misbilling.Planted:
    lines = platforms(company)["payment_bill_lines"]
    return misbilling.planted(misbilling.recorded(company), contract("payment_bill_lines").conform(lines), EACH, 11)


def _built(folder: Path, ours: pl.DataFrame, lines: pl.DataFrame) -> dict[str, pl.DataFrame]:
    project = ReconciliationProject(folder)
    project.put([], ENDS_ON + timedelta(days=1), ReconciliationDocument())
    with duckdb.connect(str(project.warehouse)) as connection:
        for name in STAGING[1:]:
            connection.execute(f"drop table {name}")
    batch = pl.lit("b1").alias("_batch")
    inputs = {
        "payments": contract("payments").conform(ours).with_columns(batch),
        "payment_bill_lines": contract("payment_bill_lines").conform(lines).with_columns(batch),
        "bills": contract("bills").conform(bills_of(lines)).with_columns(batch),
        "lake_batches": pl.DataFrame(
            {"batch": ["b1"], "source": ["test"], "seq": [1], "landed_at": [datetime(2026, 7, 1)]}
        ),
    }
    for name, frame in inputs.items():
        path = folder / "inputs" / name / "rows.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path)
    selected = ("--select", *STAGING, MODELS, TESTS, "--exclude-resource-type", "unit_test")
    dbt_runs.passed(folder, "build", *selected)
    return project.tables()


def test_a_clean_year_has_no_difference(company: FullWorld, tmp_path: Path) -> None:
    lines = contract("payment_bill_lines").conform(platforms(company)["payment_bill_lines"])
    tables = _built(tmp_path, misbilling.recorded(company), lines)
    assert tables["reconciliation_items"].is_empty()
    agreed = tables["reconciliation_days"]
    assert agreed["bill_count"].sum() == agreed["ours_count"].sum() == lines.height > 10_000


def test_every_planted_difference_is_found_and_nothing_else(planted: misbilling.Planted, tmp_path: Path) -> None:
    tables = _built(tmp_path, planted.ours, planted.lines)
    items = tables["reconciliation_items"]
    rows = tables["reconciliation_item_rows"].join(items.select("item_id", "class", "further_class"), on="item_id")
    # what was told, by the numbers that the sandbox planted under
    told = rows.select("class", number=pl.coalesce("entry_id", "reference")).unique()
    wanted = planted.truth.filter(pl.col("class") != "MATCHED").select("class", number="entry_id", kind="planted")
    assert wanted.height == EACH * 12
    missed = wanted.join(told, on=["class", "number"], how="anti")
    assert missed.is_empty(), missed
    false = told.join(wanted, on=["class", "number"], how="anti")
    assert false.is_empty(), false
    assert items.height == wanted.height
    assert items["further_class"].is_null().all()
    counts = tables["reconciliation_days"].select(pl.col("ours_count", "bill_count").sum()).row(0)
    assert counts == (planted.ours.height, planted.lines.height)
    asked = rows.join(items.filter("needs_person").select("item_id"), on="item_id", how="semi").height
    assert asked <= 0.005 * sum(counts), f"{asked} of {sum(counts)} lines need a person"
