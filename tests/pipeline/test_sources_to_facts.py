"""From a platform's face to the published figures: what a shop sold is what the company reads, to the fen.

Accidents it prevents: an order counted from the platform and from a file; a file's buyer lost because the platform
masks him; a refund of the platform that does not find its line; postage or a discount added twice.
"""

import shutil
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from models.serving import Snapshots
from models.settings import Settings
from pipelines.sandbox import taobao as face
from pipelines.sandbox.faults import FaultLayer, FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sandbox.taobao_shop import STORE_ID, tmall
from pipelines.sandbox.world import sample
from pipelines.sources import connections, syncing
from pipelines.sources.taobao import Trades
from pipelines.sources.taobao_api import civil
from pipelines.workspace import Workspace
from tests.conftest import Company

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def synced(published_sample: Company, tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, face.TaobaoShop]:
    """The sample company, published once more after its Tmall shop was synced from the platform."""
    company = Company(tmp_path_factory.mktemp("synced") / "home")
    shutil.copytree(published_sample.home, company.home)
    shop = tmall(sample())
    app = face.create_app(face.TaobaoFace(shop, clock=lambda: NOW))
    options = {"app_key": face.APP_KEY, "app_secret": face.APP_SECRET, "session": face.SESSION, "store_id": STORE_ID}
    with serving(FaultLayer(app, FaultPlan(clock_ahead=NOW - datetime.now(UTC)), face.DIALECT)) as address:
        given = {"system": "taobao", "base_url": address + face.PATH, **options}
        settings = Settings(home=company.home, connections={"tmall": given})
        reports = syncing.sync(Workspace(settings), connections.enabled(settings), NOW)
    syncing.raise_failures(reports)
    company.scrm("run", "--business-date", "2026-07-01")
    return company, shop


def _table(company: Company, name: str) -> pl.DataFrame:
    return Snapshots(company.settings.published_dir).current().query(f"select * from {name}", {})


def _paid(trade: dict[str, Any]) -> int:
    return sum(round(float(line["divide_order_fee"]) * 100) for line in trade["orders"]["order"])


def test_every_trade_is_one_order_with_its_amount(synced: tuple[Company, face.TaobaoShop]) -> None:
    company, shop = synced
    orders = _table(company, "orders").filter(pl.col("store_id") == STORE_ID)
    assert orders["order_id"].n_unique() == orders.height == len(shop.trades)
    oldest = civil(NOW - Trades.limits.history)
    recent = {tid: trade for tid, trade in shop.trades.items() if trade["modified"] >= oldest}
    assert len(recent) > 5
    found = {one["order_id"]: one for one in orders.to_dicts()}
    for tid, trade in recent.items():
        assert found[tid]["paid_amount"] == _paid(trade)
        assert found[tid]["is_sale"] == ("pay_time" in trade)


def test_refunds_of_the_platform_find_their_lines(synced: tuple[Company, face.TaobaoShop]) -> None:
    company, shop = synced
    refunds = _table(company, "refunds").filter(pl.col("store_id") == STORE_ID)
    known = {one["refund_id"] for one in shop.refunds.values()}
    assert known <= set(refunds["refund_id"])
    assert refunds["refund_id"].n_unique() == refunds.height
    assert refunds.filter(pl.col("refund_id").is_in(list(known)))["link_state"].unique().to_list() == ["LINKED"]


def test_a_buyer_keeps_what_a_file_said_and_gains_what_the_platform_calls_him(
    synced: tuple[Company, face.TaobaoShop], published_sample: Company
) -> None:
    company, shop = synced
    before = _table(published_sample, "orders").filter(pl.col("store_id") == STORE_ID).drop_nulls("customer_id")
    after = _table(company, "orders").filter(pl.col("store_id") == STORE_ID).select("order_id", "customer_id")
    assert before.join(after.drop_nulls(), on="order_id", how="anti").is_empty()
    named = _table(company, "customer_identifiers").filter(pl.col("identifier_type") == "taobao_open_uid")
    recent = {f"{face.APP_KEY}:{one['buyer_open_uid']}" for one in shop.trades.values()}
    assert named.height > 0
    assert set(named["identifier"]) <= recent


def test_money_is_the_shops_own_sum(synced: tuple[Company, face.TaobaoShop]) -> None:
    company, shop = synced
    lines = _table(company, "order_lines").filter(pl.col("order_key").str.starts_with(STORE_ID))
    total = sum(_paid(trade) for trade in shop.trades.values())
    assert lines["paid_amount"].sum() == total
    value = (lines["quantity"].cast(pl.Decimal(18, 3)) * lines["unit_price"].cast(pl.Decimal(18, 6)) * 100).cast(
        pl.Int64
    )
    assert (value - lines["discount"] == lines["paid_amount"]).all()
