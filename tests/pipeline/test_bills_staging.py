"""Staging of bills: what counts when a bill comes again, and when two bills hold the same line.

The accidents it prevents: a payment counted twice because it stands on the bill of the day and on that of the month, a
line that the platform took back and that stays for ever, and a duplicate on one bill that is taken for a repetition.
"""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.settings import PROJECT_ROOT, Settings
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.sandbox.generating import Order, generate_into
from pipelines.sources.bills.importing import import_bills
from pipelines.sources.bills.lines import Told
from pipelines.warehouse import Warehouse
from tests import dbt_runs

GOLDEN = PROJECT_ROOT / "tests" / "golden" / "bills"
T2 = "4200000420260630000000000002"
Tables = dict[str, pl.DataFrame]


def _corrected(folder: Path) -> Path:
    """The bill of all trades as the platform might give it again: A003 is gone, and A001 stands once."""
    lines = (GOLDEN / "wechat_pay_all.csv").read_text(encoding="utf-8-sig").splitlines()
    lines = [line for number, line in enumerate(lines) if "A003" not in line and number != 2]
    lines[-1] = (
        lines[-1].replace("`6,`252.00", "`4,`150.00").replace("`1.44200", "`0.83000").replace("`257.00", "`155.00")
    )
    path = folder / "again.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tables, Tables]]:
    """(after the first deliveries, after the corrected bill)."""
    folder = tmp_path_factory.mktemp("bills")
    settings = Settings(home=folder / "home")
    lake = Lake(settings.lake_dir)
    told = Told(unnamed="1900022001")
    for name in ("wechat_pay_all.csv", "wechat_pay_refund.csv", "wechat_pay_success.csv", "wechat_pay_fund.csv",
                 "wechat_pay_split.csv", "alipay_account.csv", "20880000000001560156_20260630.csv.zip"):  # fmt: skip
        import_bills(GOLDEN / name, lake=lake, told=told)
    first = _built(settings, lake)
    import_bills(_corrected(folder), lake=lake, told=told)
    yield first, _built(settings, lake)


def _built(settings: Settings, lake: Lake) -> Tables:
    warehouse = Warehouse(settings)
    warehouse.start(lake, RunPlan(date(2026, 7, 2), lake.head(), "Siyu", "Asia/Shanghai", "CNY"))
    dbt_runs.passed(warehouse.building, "build", "--select", "path:models/staging/bills")
    return dbt_runs.tables(warehouse.building)


def orders(tables: Tables) -> list[tuple[str, str, int, int]]:
    frame = tables["stg_bills__payment_lines"].filter(pl.col("channel") == "wechat_pay")
    return sorted(frame.select("kind", "order_id", "occurrence", "amount").iter_rows())


def test_a_line_on_several_bills_counts_once_and_a_duplicate_on_one_bill_twice(staged: tuple[Tables, Tables]) -> None:
    first, _ = staged
    assert orders(first) == [
        # SUCCESS came last: it holds A001 once, and what it says of the number counts
        ("payment", "A001", 1, 10000),
        ("payment", "A002", 1, 5000),
        ("payment", "A003", 1, 200),
        ("refund", "A002", 1, -2000),
        ("revoked", "A004", 1, -1000),
    ]


def test_a_bill_that_comes_again_replaces_the_one_before_with_the_lines_it_no_longer_holds(
    staged: tuple[Tables, Tables],
) -> None:
    _, second = staged
    bills = second["stg_bills__bills"].filter(pl.col("bill_type") == "trade_all")
    assert bills.select("lines", "income_amount").rows() == [(4, 15000)]
    by_all = second["stg_bills__payment_lines"].filter(pl.col("bill_id").str.contains("trade_all"))
    assert sorted(by_all["order_id"]) == ["A001", "A002", "A002", "A004"]


def test_the_arrival_of_a_refund_is_kept_also_when_a_later_bill_does_not_tell_it(staged: tuple[Tables, Tables]) -> None:
    for tables in staged:
        refund = tables["stg_bills__payment_lines"].filter(pl.col("kind") == "refund", pl.col("transaction_id") == T2)
        assert refund["refunded_at"].to_list() == [datetime(2026, 6, 30, 10, 3, 11)]


def test_movements_and_splits_of_both_channels_are_there(staged: tuple[Tables, Tables]) -> None:
    first, _ = staged
    funds = first["stg_bills__fund_lines"].group_by("channel", "account_type").agg(pl.col("amount").sum())
    assert sorted(funds.iter_rows()) == [("alipay", "*", 11129), ("wechat_pay", "BASIC", 0)]
    assert sorted(first["stg_bills__split_lines"].select("kind", "amount").iter_rows()) == [
        ("return", 200),
        ("split", -1000),
    ]


@pytest.mark.slow
def test_every_bill_line_of_a_filled_company_is_taken(tmp_path: Path) -> None:
    """Parts are delivered by themselves, and a line counts with the newest delivery of its bill only."""
    settings = Settings(home=tmp_path / "home")
    lake = Lake(settings.lake_dir)
    order = Order(customers=300, seed=9, ends_on=date(2026, 6, 30), days=120, part_people=150)
    generate_into(lake, order)
    tables = _built(settings, lake)
    columns = ["bill_id", "account_id", "kind", "transaction_id", "entry_id", "occurred_at", "amount", "fee_e5"]
    landed = lake.read("landed", "payment_bill_lines").select(columns).sort("kind", "entry_id")
    assert set(landed["kind"]) == {"payment", "refund"}
    assert landed.height > 300
    assert_frame_equal(tables["stg_bills__payment_lines"].select(columns).sort("kind", "entry_id"), landed)
    assert tables["stg_bills__bills"]["lines"].sum() == landed.height
    assert tables["stg_bills__bills"]["delivered_in"].n_unique() == order.parts == 2
