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
from tests.reconciliation_project import BEFORE, MODELS, TESTS, ReconciliationProject

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


def _shop_tables(company: FullWorld) -> dict[str, pl.DataFrame]:
    """Orders, refunds and statements of the company's shops as the models before reconciliation have them."""
    world = company.world
    key = (pl.col("store_id") + ":" + pl.col("order_id")).alias("order_key")
    amounts = world.order_lines.group_by("order_id", "store_id").agg(pl.col("paid_amount").sum())
    orders = world.orders.join(amounts, on=["order_id", "store_id"]).with_columns(
        key, pl.col("paid_at").is_not_null().alias("is_sale")
    )
    refunds = world.refunds.with_columns(key, pl.col("refund_id").alias("refund_line_id"))
    nothing = pl.lit(None, dtype=pl.String)
    statements = company.shop_statements.with_columns(nothing.alias("status"), nothing.alias("platform_order_id"))
    return {
        name: frame.select(pl.col(column).cast(dtype) for column, dtype in BEFORE[name].items())
        for name, frame in {"orders": orders, "refunds": refunds, "stg_files__shop_statements": statements}.items()
    }


def test_statements_of_shops_meet_orders_and_refunds(company: FullWorld, tmp_path: Path) -> None:
    """One order that the statement has not, one refund of another amount, a line of an order that nobody knows."""
    tables = _shop_tables(company)
    project = ReconciliationProject(tmp_path / "clean")
    project.put([], ENDS_ON + timedelta(days=1), ReconciliationDocument(), **tables)
    built = project.build()
    assert built["reconciliation_items"].is_empty()
    statements = tables["stg_files__shop_statements"]
    assert built["reconciliation_days"]["bill_count"].sum() == statements.height > 1000
    assert built["reconciliation_days"]["channel"].n_unique() > 2
    middle = statements.filter(pl.col("occurred_at") < datetime(2026, 5, 1)).sort("occurred_at", "entry_id")
    lost, other = middle.filter(pl.col("kind") == "payment")["entry_id"].gather([200, 300])
    refund = middle.filter(pl.col("kind") == "refund")["entry_id"][3]
    spoilt = statements.filter(pl.col("entry_id") != lost).with_columns(
        pl.when(pl.col("entry_id") == other).then(pl.lit("nobody")).otherwise("order_id").alias("order_id"),
        pl.when(pl.col("entry_id") == refund).then(pl.col("amount") - 1).otherwise("amount").alias("amount"),
    )
    project = ReconciliationProject(tmp_path / "spoilt")
    project.put(
        [], ENDS_ON + timedelta(days=1), ReconciliationDocument(), **tables | {"stg_files__shop_statements": spoilt}
    )
    built = project.build()
    rows = built["reconciliation_item_rows"].join(
        built["reconciliation_items"].select("item_id", "class"), on="item_id"
    )
    told = set(rows.select("class", "side", "reference").iter_rows())
    assert told == {
        ("CHANNEL_MISSING", "ours", lost),
        ("CHANNEL_MISSING", "ours", other),
        ("PLATFORM_MISSING", "bill", "nobody"),
        ("AMOUNT_OVER", "ours", refund),
        ("AMOUNT_OVER", "bill", refund),
    }
