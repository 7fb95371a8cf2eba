"""Cohorts on real sales against an independent computation in polars, value by value.

Online Retail (UCI 352, CC BY 4.0): a year of a British web shop with its cancellations; CDNOW (Fader & Hardie): the
customers of a music shop who first bought in early 1997. Neither is part of this project.
"""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.documents.journey import JourneyDocument
from models.settings import PROJECT_ROOT
from tests.conftest import dataset
from tests.journey_project import ORDER_LINES, REFUNDS, STORES, JourneyProject

BOOK = JourneyDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "journey.yaml")
MODELS = ("cohort_members", "cohort_retention", "cohort_revenue")
#: Two shops far apart, so that a month is a matter of the shop's own clock.
PLACES = pl.DataFrame(
    [("UK", "direct", "Europe/London"), ("ABROAD", "online", "Asia/Tokyo")], schema=dict(STORES), orient="row"
)
STATES = PLACES.with_columns(valid_from=date(1900, 1, 1), valid_to=date(9999, 12, 31))


def online_retail(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines sold and lines given back of customers who are known."""
    raw = pl.read_parquet(folder / "online_retail.parquet").filter(pl.col("UnitPrice") > 0)
    amount = (pl.col("Quantity").abs() * pl.col("UnitPrice") * 100).round().cast(pl.Int64)
    store = pl.when(pl.col("Country") == "United Kingdom").then(pl.lit("UK")).otherwise(pl.lit("ABROAD"))
    known = raw.select(
        order_key=pl.format("{}:{}", store, "InvoiceNo"),
        customer_id=pl.col("CustomerID").cast(pl.Int64).cast(pl.String),
        store_id=store,
        currency=pl.when(pl.col("Country") == "Japan").then(pl.lit("JPY")).otherwise(pl.lit("GBP")),
        paid_amount=amount,
        is_sale=pl.lit(True),
        sold_at=pl.col("InvoiceDate").cast(pl.Datetime("us")),
        quantity="Quantity",
        cancelled=pl.col("InvoiceNo").str.starts_with("C"),
    )
    sold = known.filter((pl.col("quantity") > 0) & ~pl.col("cancelled")).select(list(ORDER_LINES))
    given_back = known.filter(pl.col("cancelled")).rename({"paid_amount": "refund_amount", "sold_at": "refunded_at"})
    return sold, given_back.select(list(REFUNDS))


def cdnow(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    raw = pl.read_csv(folder / "CDNOW_master.txt.gz", has_header=False, new_columns=["line"], infer_schema=False)
    cells = raw.select(pl.col("line").str.extract_all(r"\S+")).filter(pl.col("line").list.get(0).str.contains(r"^\d"))
    sold = cells.select(
        customer_id=pl.col("line").list.get(0),
        sold_at=pl.col("line").list.get(1).str.to_datetime("%Y%m%d", time_unit="us"),
        paid_amount=(pl.col("line").list.get(3).cast(pl.Float64) * 100).round().cast(pl.Int64),
    ).with_row_index("number")
    lines = sold.select(
        order_key=pl.format("UK:{}", "number"),
        customer_id="customer_id",
        store_id=pl.lit("UK"),
        currency=pl.lit("USD"),
        paid_amount="paid_amount",
        is_sale=pl.lit(True),
        sold_at="sold_at",
    )
    return lines.select(list(ORDER_LINES)), pl.DataFrame(schema=dict(REFUNDS))


def month(column: str) -> pl.Expr:
    """The first of the month in the shop's own time."""
    local = [
        pl.when(pl.col("store_id") == store)
        .then(pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None))
        for store, _, zone in PLACES.iter_rows()
    ]  # fmt: skip
    return pl.coalesce(local).dt.date().dt.month_start()


def expected(sold: pl.DataFrame, given_back: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    channels = {"UK": "store", "ABROAD": "online"}
    sales = sold.drop_nulls("customer_id").with_columns(month=month("sold_at"))
    returns = given_back.drop_nulls("customer_id").with_columns(month=month("refunded_at"))
    retention, revenue = [], []
    for place in ("UK", "ABROAD", "*"):
        here = sales if place == "*" else sales.filter(pl.col("store_id") == place)
        back = returns if place == "*" else returns.filter(pl.col("store_id") == place)
        first = here.sort("sold_at", "store_id").group_by("customer_id", maintain_order=True).first()
        cohort = first.select("customer_id", channel=pl.col("store_id").replace_strict(channels)).join(
            here.group_by("customer_id").agg(cohort_month=pl.col("month").min()), on="customer_id"
        )
        key = ["channel", "cohort_month"]
        since = (
            (pl.col("month").dt.year() - pl.col("cohort_month").dt.year()) * 12
            + pl.col("month").dt.month().cast(pl.Int32)
            - pl.col("cohort_month").dt.month().cast(pl.Int32)
        ).alias("months_since")
        joined = here.join(cohort, on="customer_id").with_columns(since)
        size = cohort.group_by(key).agg(customers_count=pl.len())
        active = joined.group_by([*key, "months_since"]).agg(
            active_count=pl.col("customer_id").n_unique(), orders_count=pl.col("order_key").n_unique()
        )
        retention.append(active.join(size, on=key).with_columns(store_id=pl.lit(place)))
        paid = joined.group_by([*key, "months_since", "currency"]).agg(pl.col("paid_amount").sum())
        gone = (
            back.join(cohort, on="customer_id")
            .with_columns(since)
            .filter(pl.col("months_since") >= 0)
            .group_by([*key, "months_since", "currency"])
            .agg(refunded_amount=pl.col("refund_amount").sum())
        )
        both = paid.join(gone, on=[*key, "months_since", "currency"], how="full", coalesce=True)
        revenue.append(both.with_columns(pl.col("paid_amount", "refunded_amount").fill_null(0), store_id=pl.lit(place)))
    return pl.concat(retention), pl.concat(revenue)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> JourneyProject:
    project = JourneyProject(tmp_path_factory.mktemp("cohorts"))
    project.write_run(BOOK, datetime(2012, 1, 1))
    return project


@pytest.mark.parametrize("name", ["online_retail", "cdnow"])
def test_cohorts_of_real_customers_equal_an_independent_computation(project: JourneyProject, name: str) -> None:
    sold, given_back = (online_retail if name == "online_retail" else cdnow)(dataset(name))
    orders = sold.group_by("order_key", "store_id").agg(
        pl.col("customer_id").min(), pl.col("is_sale").max(), pl.col("sold_at").min()
    )
    project.fill(order_lines=sold, orders=orders, refunds=given_back, stores=PLACES, store_periods=STATES)
    project.build(*MODELS)
    retention, revenue = expected(sold, given_back)
    for table, wanted in (("cohort_retention", retention), ("cohort_revenue", revenue)):
        key = [c for c in ("store_id", "channel", "cohort_month", "months_since", "currency") if c in wanted.columns]
        found = project.table(table).sort(key)
        assert_frame_equal(found, wanted.select(found.columns).sort(key), check_dtypes=False)
    company = project.table("cohort_retention").filter(pl.col("store_id") == "*")
    begun = company.filter(pl.col("months_since") == 0)
    assert (begun["customers_count"] == begun["active_count"]).all()
    assert begun["customers_count"].sum() == sold["customer_id"].drop_nulls().n_unique()
    if name == "cdnow":
        assert begun["customers_count"].sum() == 23_570
        assert begun["cohort_month"].sort().to_list() == [date(1997, 1, 1), date(1997, 2, 1), date(1997, 3, 1)]
