"""RFM on two real shops against polars, value by value, and by its laws on random ones.

The accident it prevents: a tie that is split by the order of rows, so that two equal customers get two scores.
"""

import random
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.documents.value import ValueDocument
from tests.conftest import dataset
from tests.value_project import DAY, SHIPPED, STORES, ValueProject, line, rows_of

pytestmark = pytest.mark.timeout(600)


def expected_rfm(lines: pl.DataFrame, refunds: pl.DataFrame, project: ValueProject) -> pl.DataFrame:
    """The same from the document's words, in polars: customers below and alike by plain counting."""
    document, since = project.document, project.as_of - timedelta(days=project.document.window_days)
    orders = (
        lines.filter(pl.col("is_sale") & pl.col("customer_id").is_not_null())
        .group_by("customer_id", "currency", "order_key")
        .agg(pl.col("paid_amount").sum(), pl.col("sold_at").min())
    )
    keys = ["customer_id", "currency"]
    recent = orders.filter(pl.col("sold_at") >= since)
    bought = recent.group_by(keys).agg(frequency=pl.len().cast(pl.Int64), paid=pl.col("paid_amount").sum())
    back = refunds.filter(pl.col("refunded_at") >= since).group_by(keys).agg(back=pl.col("refund_amount").sum())
    last = orders.group_by(keys).agg(orders_count=pl.len().cast(pl.Int64), last_order_at=pl.col("sold_at").max())
    civil = pl.col("last_order_at").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Shanghai").dt.date()
    found = (
        last.join(bought, on=keys, how="left")
        .join(back, on=keys, how="left")
        .with_columns(
            recency_days=(pl.lit(project.business_date) - civil).dt.total_days(),
            frequency=pl.col("frequency").fill_null(0),
            monetary=pl.col("paid").fill_null(0) - pl.col("back").fill_null(0),
            is_in_window=pl.col("last_order_at") >= since,
        )
    )
    scored = [_scores(customers, keys, document) for _, customers in found.filter("is_in_window").group_by("currency")]
    boxes = {
        (r, f, m): segment.id
        for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)
        if (segment := document.segment_of((r, f, m)))
    }  # fmt: skip
    names = [f"{measure}_score" for measure in ("recency", "frequency", "monetary")]
    joined = found.join(pl.concat(scored), on=keys, how="left")
    segments = [boxes.get(scores, document.outside.id) for scores in joined.select(names).iter_rows()]
    return (
        joined.with_columns(pl.Series("segment", segments))
        .select(*keys, "segment", "recency_days", "frequency", "monetary", "orders_count", *names, "is_in_window")
        .sort(keys)
    )


def _scores(customers: pl.DataFrame, keys: list[str], document: ValueDocument) -> pl.DataFrame:
    """Of the customers of one currency: who is below, who is alike, by counting sorted values."""
    scores = customers.select(keys)
    for measure, column, sign in (
        ("recency", "recency_days", -1), ("frequency", "frequency", 1), ("monetary", "monetary", 1),
    ):  # fmt: skip
        worth = [value * sign for value in customers[column]]
        ordered = sorted(worth)
        first = {value: place for place, value in reversed(list(enumerate(ordered)))}
        alike = dict.fromkeys(worth, 0)
        for value in worth:
            alike[value] += 1
        cuts = getattr(document, measure).quantiles
        by_value = {
            value: 1 + sum(200 * first[value] + 100 * alike[value] > cut * 2 * len(worth) for cut in cuts)
            for value in alike
        }
        scores = scores.with_columns(
            pl.Series(f"{measure}_score", [by_value[value] for value in worth], dtype=pl.Int32)
        )
    return scores


def assert_rfm_is(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    assert_frame_equal(found.select(expected.columns).sort("customer_id", "currency"), expected)


def _shop(lines: pl.DataFrame) -> pl.DataFrame:
    """Order lines with what the models read; one store."""
    plain = {"store_id": "S1", "product_name": None, "is_sale": True, "discount": 0}
    return lines.with_columns(
        *(pl.lit(value, pl.String if value is None else None).alias(name) for name, value in plain.items()),
        order_key="S1:" + pl.col("order_id"),
        unit_price=pl.lit(None, pl.Decimal(18, 6)),
        quantity=pl.lit(1).cast(pl.Decimal(18, 3)),
    ).with_columns(order_line_id=pl.format("{}:{}", "order_key", pl.int_range(pl.len())))


def online_retail(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = pl.read_parquet(folder / "online_retail.parquet").with_columns(
        amount=(pl.col("Quantity") * (pl.col("UnitPrice") * 1000).round().cast(pl.Int64) / 10).round().cast(pl.Int64),
        at=pl.col("InvoiceDate").cast(pl.Datetime("us")),
        customer_id=pl.col("CustomerID").cast(pl.String),
    )
    sold = rows.filter((pl.col("Quantity") > 0) & (pl.col("amount") > 0))
    lines = sold.select(
        "customer_id", pl.col("InvoiceNo").cast(pl.String).alias("order_id"), pl.lit("GBP").alias("currency"),
        pl.col("StockCode").cast(pl.String).alias("product_id"), pl.col("amount").alias("paid_amount"),
        pl.col("at").alias("sold_at"),
    )  # fmt: skip
    back = rows.filter((pl.col("Quantity") < 0) & (pl.col("amount") < 0) & pl.col("customer_id").is_not_null())
    refunds = back.with_row_index("n").select(
        pl.col("n").cast(pl.String).alias("refund_line_id"), "customer_id", pl.lit("S1").alias("store_id"),
        pl.lit("GBP").alias("currency"), (-pl.col("amount")).alias("refund_amount"), pl.col("at").alias("refunded_at"),
        pl.col("at").dt.date().alias("refunded_on"),
        *(pl.lit(None, pl.String).alias(name) for name in ("order_line_id", "order_key", "product_id")),
    )  # fmt: skip
    return _shop(lines), refunds


def cdnow(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Customer, day, pieces and dollars of every purchase of 23,570 buyers; half of them bought once."""
    text = pl.read_csv(folder / "CDNOW_master.txt.gz", has_header=False, new_columns=["text"], separator="\t")
    words = text.select(pl.col("text").str.extract_all(r"\S+").alias("words")).filter(
        pl.col("words").list.get(0).str.contains(r"^\d+$")
    )
    rows = words.select(
        customer_id=pl.col("words").list.get(0),
        sold_at=pl.col("words").list.get(1).str.to_datetime("%Y%m%d", time_unit="us"),
        paid_amount=(pl.col("words").list.get(3).cast(pl.Float64) * 100).round().cast(pl.Int64),
    )
    lines = rows.with_row_index("n").select(
        "customer_id", pl.col("n").cast(pl.String).alias("order_id"), pl.lit("USD").alias("currency"),
        pl.lit("CD").alias("product_id"), "paid_amount", "sold_at",
    )  # fmt: skip
    return _shop(lines), rows_of("refunds", [])


@pytest.mark.parametrize(
    ("name", "read", "day", "customers"),
    [("online_retail", online_retail, date(2011, 12, 10), 4_338), ("cdnow", cdnow, date(1998, 7, 1), 23_570)],
)
def test_rfm_of_a_real_shop_is_that_of_polars(tmp_path, name, read, day, customers):
    lines, refunds = read(dataset(name))
    document = SHIPPED if name == "cdnow" else SHIPPED.model_copy(update={"window_days": 180})
    project = ValueProject(tmp_path / "value", day, document)
    project.put({"order_lines": lines, "refunds": refunds, "stores": STORES})
    built = project.build()
    found = built["customer_rfm"]
    assert found.height == customers
    expected = expected_rfm(lines, refunds, project)
    # who only gave back is no buyer
    assert_rfm_is(found, expected)
    if name == "cdnow":
        ones = found.filter((pl.col("frequency") == 1) & pl.col("is_in_window"))
        assert ones.height / found.height > 0.5, "the tie that quantile buckets break"
        assert ones["frequency_score"].n_unique() == 1
    else:
        assert found["is_in_window"].n_unique() == 2
    value = built["customer_value"]
    known = lines.filter(pl.col("customer_id").is_not_null())
    assert value["revenue_amount"].sum() == known["paid_amount"].sum()
    assert value["cost_amount"].null_count() == value.height


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> ValueProject:
    """A project whose compiled SQL of RFM can be run on any lines."""
    document = ValueDocument.parse(
        (Path(__file__).parents[2] / "data" / "rulebooks" / "value.yaml")
        .read_text(encoding="utf-8")
        .replace("monetary: {q", "monetary: {bounds: {HKD: [1, 2, 3, 4]}, q"),
        name="value.yaml",
    )
    project = ValueProject(tmp_path_factory.mktemp("small"), DAY, document)
    project.put({"order_lines": [line("1", "2025-06-01 06:00", 100)], "stores": STORES})
    project.build()
    return project


def _score(small: ValueProject, orders: list[tuple[int, int, int]], currency: str = "CNY") -> pl.DataFrame:
    """``orders``: customer, days ago, money. The scores of customers by the compiled SQL."""
    frame = pl.DataFrame(
        [
            (f"C{customer}", currency, f"{customer}:{n}", paid, small.as_of - timedelta(days=days, hours=-1))
            for n, (customer, days, paid) in enumerate(orders)
        ],
        schema={
            **dict.fromkeys(("customer_id", "currency", "order_key"), pl.String()),
            **{"paid_amount": pl.Int64(), "sold_at": pl.Datetime("us")},
        },
        orient="row",
    )
    with duckdb.connect(str(small.warehouse)) as connection:
        connection.register("given", frame)
        connection.execute("create or replace table sold_lines as from given")
        return connection.sql(small.compiled("customer_rfm")).pl().sort("customer_id")


ORDERS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 9), st.sampled_from((0, 1, 1, 5, 900, 10**6))), min_size=1, max_size=40
)


@given(orders=ORDERS, seed=st.integers(0, 2**16))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scores_follow_values_and_never_the_order_of_rows(small, orders, seed):
    found = _score(small, orders)
    shuffled = list(orders)
    random.Random(seed).shuffle(shuffled)
    assert_frame_equal(found, _score(small, shuffled))
    for measure, score, better in (
        ("recency_days", "recency_score", -1), ("frequency", "frequency_score", 1), ("monetary", "monetary_score", 1),
    ):  # fmt: skip
        pairs = sorted((value * better, given) for value, given in found.select(measure, score).iter_rows())
        assert len(set(pairs)) == len({value for value, _ in pairs}), "equal values, equal scores"
        assert [given for _, given in pairs] == sorted(given for _, given in pairs), "more is never worse"
        if len({value for value, _ in pairs}) == 1:
            assert {given for _, given in pairs} == {3}, "all alike are in the middle"


def test_a_heavy_tie_sits_at_its_own_middle(small):
    """60 customers with one order, 25 with two, 15 with three: 30%, 72.5% and 92.5%."""
    counts = [1] * 60 + [2] * 25 + [3] * 15
    found = _score(small, [(customer, 5, 10) for customer, n in enumerate(counts) for _ in range(n)])
    scores = found.group_by("frequency", "frequency_score").len().sort("frequency").rows()
    assert scores == [(1, 2, 60), (2, 4, 25), (3, 5, 15)]


def test_fixed_bounds_hold_for_their_currency(small):
    found = _score(small, [(0, 1, 99), (1, 1, 100), (2, 1, 399), (3, 1, 400)], "HKD")
    assert found["monetary_score"].to_list() == [1, 2, 4, 5]
    assert _score(small, [(0, 1, 99), (1, 1, 100)])["monetary_score"].to_list() == [2, 4]


def test_who_bought_before_the_window_only_has_no_scores(small):
    found = _score(small, [(0, 5, 100), (1, 731, 900)])
    assert found["segment"].to_list()[1] == "long_gone"
    assert found.row(1, named=True)["recency_score"] is None
    assert found.row(0, named=True)["recency_score"] == 3, "scored among those in the window"
