"""What lines brought and cost, by worked cases and by its laws.

Accidents it prevents: a cost of today on a sale of last year, a cost of another currency taken for yuan, a fee that
loses a cent between lines, a component that nobody knows shown as zero.
"""

import random
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.money import largest_remainder
from tests.value_project import DAY, STORES, Row, Tables, ValueProject, cost, line, order_cost

pytestmark = pytest.mark.timeout(600)


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
    "settlement_transfers": [
        {"entry_id": "t1", "posting": "SALE", "line_id": "S1:half:half", "side": "party", "amount": 7},
        {"entry_id": "t2", "posting": "SALE", "line_id": "S1:half:half", "side": "payer", "amount": -7},
    ],
}  # fmt: skip


def _entries(rows: Sequence[Row]) -> list[Row]:
    more = {"order_key": "S1:half", "store_id": "S1", "store_type": "direct", "rule_id": "r", "rule_version": "v"}
    more |= {"currency": "CNY"}
    return [{**more, "economic_date": date(2025, 6, 2), **row} for row in rows]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    project = ValueProject(tmp_path_factory.mktemp("value"), DAY)
    rules = [
        {"rule_id": "r", "rule_version": "v", "component_seq": 1, "party_kind": "sales"},
        {"rule_id": "r", "rule_version": "v", "component_seq": 2, "party_kind": "hq"},
    ]
    settled = {name: _entries(TABLES[name]) for name in ("settlement_entries", "settlement_transfers")}
    transfer_rules = [{"rule_id": "r", "rule_version": "v", "party_kind": "agent", "payer_kind": "hq"}]
    project.put({**TABLES, **settled}, rules, transfer_rules)
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
        # 0.5 x 5.01 is 2.505, so 2.51; its commissions; the refund with what it gave back
        (
            "S1:half:half",
            [
                *[("commission", -15), ("commission", -7), ("commission", 5), ("cost", -251), ("cost", -50)],
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
