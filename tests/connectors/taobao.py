"""Taobao behind its face: a shop of the generated world."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl

from pipelines.sandbox import taobao as face
from pipelines.sandbox.taobao_shop import tmall
from pipelines.sandbox.world import DEMO_ENDS_ON, World
from pipelines.sources.taobao import Trades
from pipelines.sources.taobao_api import BEIJING, TIME
from tests.connectors.stand import Kind, Stand, Truth

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)


@cache
def _world() -> World:
    return World.generate(1_500, 7, DEMO_ENDS_ON)


def make(seed: int, moving: bool) -> Stand:
    shop = tmall(_world())
    unrest = face.Unrest(seed, moves=0.2, repeats=0.1) if moving else face.Unrest()
    served = face.TaobaoFace(shop, unrest, clock=lambda: NOW)
    options = {
        "app_key": face.APP_KEY,
        "app_secret": face.APP_SECRET,
        "session": face.SESSION,
        "store_id": "S021",
        "requests_per_second": 0,
    }

    def change(moment: datetime) -> None:
        for held in (shop.trades, shop.refunds):
            for one in list(held.values())[:7]:
                one["modified"] = _civil(moment)

    def spoil_amounts() -> None:
        for trade in shop.trades.values():
            trade["payment"] = "12,3"
        for refund in shop.refunds.values():
            refund["refund_fee"] = "12,3"

    def new_state() -> None:
        for held in (shop.trades, shop.refunds):
            max(held.values(), key=lambda one: one["modified"])["status"] = "NEW_STATE"

    def calm() -> None:
        served.unrest = face.Unrest()

    return Stand(
        system="taobao",
        app=face.create_app(served),
        path=face.PATH,
        dialect=face.DIALECT,
        options=options,
        bad_options={
            "secret": ({"app_secret": "wrong"}, "check app_secret"),
            "session": ({"session": "ended"}, "let the shop authorise"),
            "app": ({"app_key": "999"}, "app_key is unknown"),
        },
        now=NOW,
        truth=lambda: _truth(shop),
        change=change,
        calm=calm,
        add_field=lambda: shop.extra.update(brand_new_field="x"),
        rename_field=lambda: shop.renamed.update(modified="modified_time", refund_fee="refund_money"),
        spoil_amounts=spoil_amounts,
        new_state=new_state,
        secrets=(face.APP_SECRET, face.SESSION),
        unseen={
            "receiver_phone": "the platform masks one number only",
            "receiver_state": "the world has cities without provinces",
            "receiver_district": "the world has no districts",
            "receiver_town": "the world has no towns",
            "buyer_message": "nobody wrote one",
            "seller_memo": "nobody wrote one",
            "step_trade_status": "no deposits",
            "o2o_shop_id": "no store pick-up",
            "o2o_guide_id": "no guides",
            "sku_id": "items without variants",
            "outer_sku_id": "items without variants",
            "cid": "no categories",
        },
    )


def _civil(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime(TIME)


def _truth(shop: face.TaobaoShop) -> Truth:
    """What changed within the platform's three months, read without the connector's code."""
    oldest = _civil(NOW - Trades.limits.history)

    def held(records: face.Records) -> list[dict[str, Any]]:
        return [one for one in records.values() if one["modified"] >= oldest]

    trades, refunds = held(shop.trades), held(shop.refunds)
    lines = [(trade, line) for trade in trades for line in trade["orders"]["order"]]
    return {
        "taobao_trades": pl.DataFrame(
            {
                "shop_id": ["S021"] * len(trades),
                "tid": [one["tid"] for one in trades],
                "status": [one["status"] for one in trades],
                "buyer_open_uid": [one["buyer_open_uid"] for one in trades],
                "payment": [_fen(one["payment"]) for one in trades],
                "created_at": [_utc(one["created"]) for one in trades],
                "modified_at": [_utc(one["modified"]) for one in trades],
            }
        ),
        "taobao_trade_lines": pl.DataFrame(
            {
                "shop_id": ["S021"] * len(lines),
                "tid": [trade["tid"] for trade, _ in lines],
                "oid": [line["oid"] for _, line in lines],
                "divide_order_fee": [_fen(line["divide_order_fee"]) for _, line in lines],
                "modified_at": [_utc(trade["modified"]) for trade, _ in lines],
            }
        ),
        "taobao_refunds": pl.DataFrame(
            {
                "shop_id": ["S021"] * len(refunds),
                "refund_id": [one["refund_id"] for one in refunds],
                "tid": [one["tid"] for one in refunds],
                "refund_fee": [_fen(one["refund_fee"]) for one in refunds],
                "has_good_return": [one["has_good_return"] for one in refunds],
                "modified_at": [_utc(one["modified"]) for one in refunds],
            }
        ),
    }


def _fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)


def _utc(civil: str) -> datetime:
    there = datetime.strptime(civil, TIME).replace(tzinfo=BEIJING)
    return there.astimezone(UTC).replace(tzinfo=None)


TAOBAO = Kind("taobao", make)
