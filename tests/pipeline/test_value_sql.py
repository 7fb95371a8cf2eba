"""Value by worked cases, by its laws, and on two real shops against polars, value by value.

Accidents it prevents: a cost of today on a sale of last year, a cost of another currency taken for yuan, a fee that
loses a cent between lines, a component that nobody knows shown as zero, a tie split by the order of rows.
"""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.documents.value import ValueDocument
from models.money import largest_remainder
from tests.conftest import dataset
from tests.value_project import SHIPPED, Row, Tables, ValueProject, cost, line, order_cost, rows_of

pytestmark = pytest.mark.timeout(600)
STORES = [
    {"store_id": "S1", "store_type": "direct", "timezone": "Asia/Shanghai"},
    {"store_id": "S2", "store_type": "online", "timezone": "Asia/Shanghai"},
    {"store_id": "unknown", "store_type": "undeclared", "timezone": "Asia/Shanghai"},
]
DAY = date(2025, 7, 1)


def _lines() -> list[Row]:
    return [
        line("before", "2025-05-31 15:59", 1000),  # 31 May in Shanghai
        line("first-day", "2025-05-31 16:00", 1000),  # 1 June there
        line("half", "2025-06-02 06:00", 1000, quantity=Decimal("0.5"), unit_price=Decimal(20)),
        line("own-store", "2025-06-02 06:00", 1000, store_id="S2"),
        line("no-cost", "2025-06-02 06:00", 1000, product_id="P9"),
        line("dollars", "2025-06-02 06:00", 1000, currency="HKD"),
        line("pounds", "2025-06-02 06:00", 1000, currency="GBP"),
        line("late-dollars", "2025-06-25 06:00", 1000, currency="HKD"),
        line("discounted", "2025-06-03 06:00", 900, unit_price=Decimal(10), discount=100, customer_id=None),
        line("1", "2025-06-04 06:00", 100, order="shared", product_id="P9"),
        line("2", "2025-06-04 06:00", 100, order="shared", product_id="P8"),
        line("3", "2025-06-04 06:00", 100, order="shared", product_id="P7"),
        line("free", "2025-06-05 06:00", 0, order="gift", product_id="P9", unit_price=None),
        line("twice", "2025-06-06 06:00", 500, order="number-in-two-stores", product_id="P9"),
        line("twice", "2025-06-06 06:00", 500, order="number-in-two-stores", product_id="P9", store_id="S2"),
        line("unpaid", "2025-06-06 06:00", 500, is_sale=False),
    ]


def _fee(order_id: str | None, amount: int, number: str, **more: object) -> Row:
    row = {"channel": "wechat_pay", "account_id": "1", "kind": "payment", "transaction_id": number, "entry_id": number}
    row |= {"occurrence": 1, "order_id": order_id, "currency": "CNY", "fee_amount": amount}
    return {**row, "occurred_at": datetime(2025, 6, 20), **more}


def _statement(entry: str, kind: str, amount: int, **more: object) -> Row:
    row = {"platform": "taobao", "account_id": "*", "entry_id": entry, "kind": kind, "currency": "CNY"}
    return {**row, "amount": amount, "occurred_at": datetime(2025, 6, 20), **more}


TABLES: dict[str, Sequence[Row]] = {
    "order_lines": _lines(),
    "stores": STORES,
    "refunds": [
        {"refund_line_id": "linked", "order_line_id": "S1:half:half", "order_key": "S1:half", "store_id": "S2"}
        | {"customer_id": "C1", "currency": "CNY", "refund_amount": 300, "refunded_on": date(2025, 6, 9)}
        | {"refunded_at": datetime(2025, 6, 9)},
        {"refund_line_id": "unlinked", "store_id": "unknown", "currency": "CNY", "refund_amount": 50}
        | {"refunded_on": date(2025, 6, 9), "refunded_at": datetime(2025, 6, 9)},
    ],
    "stg_files__costs": [
        cost("2024-01-01", "3.335", valid_to=date(2025, 5, 31)),
        cost("2025-06-01", "5.01"),
        cost("2025-06-01", "1", kind="packaging"),
        cost("2025-01-01", "2", store_id="S2"),
        cost("2025-01-01", "7", kind="packaging", product_id="P8"),
        order_cost("shared", 100),
        order_cost("nobody", 77),
        order_cost("number-in-two-stores", 10, store_id="S2"),
    ],
    "stg_files__fx_rates": [
        {"base_currency": "HKD", "quote_currency": "CNY", "source": "x", "rate": Decimal("0.9")}
        | {"rate_date": date(2025, 6, 1)},
    ],
    "stg_bills__payment_lines": [
        _fee("shared", -2, "a"),
        _fee("gift", -1, "b"),
        _fee("half", 1, "c", kind="refund"),
        _fee("number-in-two-stores", -3, "d", store_id="till 7"),
        _fee("half", -9, "e", refund_status="FAIL"),
    ],
    "stg_files__shop_statements": [
        _statement("s1", "commission", -40, order_id="own-store", store_id="S2"),
        _statement("s2", "payment", 1000, order_id="x", platform_order_id="discounted", fee_amount=-6),
        _statement("s3", "fee", -5, order_id="shared", platform="wechat_pay"),  # the channel's own bill goes before it
        _statement("s4", "subsidy", 500, order_id="own-store"),
    ],
    "settlement_entries": [
        {"entry_id": "e1", "posting": "SALE", "line_id": "S1:half:half", "component_seq": 1, "amount": 15},
        {"entry_id": "e2", "posting": "SALE", "line_id": "S1:half:half", "component_seq": 2, "amount": 985},
        {"entry_id": "e3", "posting": "REFUND", "line_id": "linked", "original_line_id": "S1:half:half"}
        | {"component_seq": 1, "amount": -5},
    ],
}  # fmt: skip


def _entries(rows: Sequence[Row]) -> list[Row]:
    more = {"order_key": "S1:half", "store_id": "S1", "rule_id": "r", "rule_version": "v", "currency": "CNY"}
    return [{**more, "economic_date": date(2025, 6, 2), **row} for row in rows]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    project = ValueProject(tmp_path_factory.mktemp("value"), DAY)
    rules = [
        {"rule_id": "r", "rule_version": "v", "component_seq": 1, "party_kind": "sales"},
        {"rule_id": "r", "rule_version": "v", "component_seq": 2, "party_kind": "hq"},
    ]
    project.put({**TABLES, "settlement_entries": _entries(TABLES["settlement_entries"])}, rules)
    return project.build()


def _of(built: Tables, line_id: str) -> list[tuple[str, int]]:
    rows = built["order_line_contributions"].filter(pl.col("order_line_id") == line_id)
    return sorted(rows.select("component", "amount").rows())


@pytest.mark.parametrize(
    ("line_id", "expected"),
    [
        # the cost of the store's civil day; half up: 3.335 is 3.34
        ("S1:before:before", [("cost", -334), ("revenue", 1000)]),
        ("S1:first-day:first-day", [("cost", -501), ("cost", -100), ("revenue", 1000)]),
        # 0.5 x 5.01 is 2.505, so 2.51; its commission; the refund with what it gave back
        (
            "S1:half:half",
            [
                *[("commission", -15), ("commission", 5), ("cost", -251), ("cost", -50)],
                *[("fee", 1), ("refund", -300), ("revenue", 1000)],
            ],
        ),
        # the store's own cost goes before the one for everywhere, kind by kind; the platform's commission is a fee
        ("S2:own-store:own-store", [("cost", -200), ("cost", -100), ("fee", -40), ("revenue", 1000)]),
        ("S1:no-cost:no-cost", [("revenue", 1000)]),
        # 5.01 and 1.00 yuan at 0.9 yuan a dollar: 5.5666… and 1.1111… dollars
        ("S1:dollars:dollars", [("cost", -557), ("cost", -111), ("revenue", 1000)]),
        # no rate for pounds at all, and none for dollars that is not older than ten days
        ("S1:pounds:pounds", [("revenue", 1000)]),
        ("S1:late-dollars:late-dollars", [("revenue", 1000)]),
        (
            "S1:discounted:discounted",
            [("cost", -501), ("cost", -100), ("discount", -100), ("fee", -6), ("revenue", 1000)],
        ),
        # a yuan of shipping and two cents of fee on three equal lines: what is left over goes to the first
        ("S1:shared:1", [("fee", -1), ("revenue", 100), ("shipping", -34)]),
        ("S1:shared:2", [("cost", -700), ("fee", -1), ("revenue", 100), ("shipping", -33)]),
        ("S1:shared:3", [("revenue", 100), ("shipping", -33)]),
        ("S1:gift:free", [("fee", -1), ("revenue", 0)]),
        # a number in two stores: the cost names the store, the bill's own store number says nothing
        ("S1:number-in-two-stores:twice", [("revenue", 500)]),
        ("S2:number-in-two-stores:twice", [("revenue", 500), ("shipping", -10)]),
    ],
)  # fmt: skip
def test_a_line_holds_what_is_known_and_nothing_else(built, line_id, expected):
    found = [(component, amount) for component, amount in _of(built, line_id) if amount or component != "fee"]
    assert found == sorted(expected)


def test_what_stands_at_no_line_is_told(built):
    gaps = built["serve_contribution_gaps"].drop("period").sort("reason", "component", "currency")
    assert gaps.rows() == [
        ("unknown", "fee", "payment_bill", "no_order", "CNY", -3, 1),
        ("unknown", "shipping", "costs", "no_order", "CNY", -77, 1),
        ("S1", "cost", "costs", "no_rate", "CNY", -2 * (501 + 100), 4),
    ]


def test_days_of_sales_and_of_refunds(built):
    """A fee of the 20th belongs to the sale of the 4th; what a refund gives back to its own day."""
    found = built["order_line_contributions"]
    days = {
        (row["component"], row["source_id"].split("|")[0]): row["posted_on"]
        for row in found.filter(pl.col("order_line_id").is_in(["S1:shared:1", "S1:half:half"])).iter_rows(named=True)
        if row["component"] in ("fee", "refund")
    }
    fees = found.filter(pl.col("component") == "fee").select("order_line_id", "posted_on", "amount").rows()
    assert ("S1:shared:1", date(2025, 6, 4), -1) in fees
    assert ("S1:half:half", date(2025, 6, 20), 1) in fees
    assert days["refund", "linked"] == date(2025, 6, 9)


def test_a_refund_without_a_line_stays_at_its_store(built):
    (row,) = built["order_line_contributions"].filter(pl.col("source_id") == "unlinked").iter_rows(named=True)
    assert (row["order_line_id"], row["store_id"], row["amount"]) == (None, "unknown", -50)


def test_coverage_counts_the_kind_that_makes_a_cost_known(built):
    """P8 has a cost of packaging and none of purchase: its cost is not known."""
    totals = built["serve_contribution_totals"].filter(
        (pl.col("dimension_kind") == "product") & (pl.col("currency") == "CNY") & (pl.col("component") == "cost")
    )
    covered = dict(totals.group_by("dimension_id").agg(pl.col("covered_amount").sum()).rows())
    assert covered == {"P1": 1000 + 1000 + 1000 + 1000 + 900, "P8": 0}


def test_sums_are_the_same_whichever_way_they_are_added(built):
    lines = built["order_line_contributions"]
    by_component = ["currency", "component"]
    expected = lines.group_by(by_component).agg(pl.col("amount").sum()).sort(by_component)
    totals = built["serve_contribution_totals"]
    for kind in ("store", "channel", "product"):
        of_kind = totals.filter(pl.col("dimension_kind") == kind)
        assert_frame_equal(of_kind.group_by(by_component).agg(pl.col("amount").sum()).sort(by_component), expected)
    value = built["customer_value"]
    for component in expected["component"].unique():
        of_people = lines.filter(pl.col("customer_id").is_not_null() & (pl.col("component") == component))
        assert value[f"{component}_amount"].sum() == of_people["amount"].sum()
    assert value["contribution"].sum() == lines.filter(pl.col("customer_id").is_not_null())["amount"].sum()


def test_what_nobody_knows_is_null_and_not_zero(built):
    dollars = built["customer_value"].filter(pl.col("currency") == "GBP").row(0, named=True)
    assert dollars["revenue_amount"] == 1000 == dollars["contribution"]
    assert dollars["cost_amount"] is None and dollars["fee_amount"] is None
    assert (dollars["paid_amount"], dollars["covered_amount"]) == (1000, 0)


# RFM ------------------------------------------------------------------------------------------------------------------


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
    scored = []
    for _, customers in found.filter("is_in_window").group_by("currency"):
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
        scored.append(scores)
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


def test_the_shares_of_a_charge_are_those_of_the_money_module(tmp_path):
    """Largest remainder over rows gives what models.money gives, on orders of any number of lines."""
    rng = random.Random(7)
    lines, fees, expected = [], [], {}
    for order in range(300):
        weights = [rng.choice((0, 1, 2, 3, 99, rng.randrange(10**6))) for _ in range(rng.randrange(1, 12))]
        amount = rng.choice((-1, -2, 7, -rng.randrange(1, 10**5), rng.randrange(1, 10**9)))
        lines += [
            line(f"{n:02d}", "2025-06-04 06:00", weight, order=f"O{order}", unit_price=None)
            for n, weight in enumerate(weights)
        ]
        fees.append(_fee(f"O{order}", amount, f"t{order}"))
        shares = largest_remainder(amount, weights if any(weights) else [1] * len(weights))
        expected |= {f"S1:O{order}:{n:02d}": share for n, share in enumerate(shares)}
    project = ValueProject(tmp_path / "value", DAY)
    project.put({"order_lines": lines, "stores": STORES, "stg_bills__payment_lines": fees})
    charges = project.build()["line_charges"]
    assert dict(charges.select("order_line_id", "amount").rows()) == expected
