"""Youzan behind its face: a shop of the generated world."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl

from pipelines.sandbox import youzan as face
from pipelines.sandbox.taobao import Unrest
from pipelines.sandbox.world import DEMO_ENDS_ON, World
from pipelines.sandbox.youzan_shop import mall
from pipelines.sources.youzan_api import BEIJING, TIME
from tests.connectors.stand import Kind, Stand, Truth

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
TOKEN_CALLS = 40  # a token ends in the middle of every sync


@cache
def _world() -> World:
    return World.generate(900, 7, DEMO_ENDS_ON)


def make(seed: int, moving: bool) -> Stand:
    shop = mall(_world())
    unrest = Unrest(seed, moves=0.2, repeats=0.1) if moving else face.CALM
    served = face.YouzanFace(shop, unrest, clock=lambda: NOW, token_calls=TOKEN_CALLS)
    options = {
        "client_id": face.CLIENT_ID,
        "client_secret": face.CLIENT_SECRET,
        "grant_id": face.GRANT_ID,
        "store_id": "S022",
        "digest_phones": True,
        "requests_per_second": 0,
    }

    def change(moment: datetime) -> None:
        for one in list(shop.trades.values())[:7]:
            one["full_order_info"]["order_info"]["update_time"] = _civil(moment)
        for one in list(shop.refunds.values())[:7]:
            one |= {"modified": _civil(moment), "version": one["version"] + 1}

    def spoil_amounts() -> None:
        for one in shop.trades.values():
            one["full_order_info"]["pay_info"]["payment"] = "12,3"
        for one in shop.refunds.values():
            one["refund_fee"] = "12,3"

    def new_state() -> None:
        next(iter(shop.trades.values()))["full_order_info"]["order_info"]["status"] = "NEW_STATE"

    def calm() -> None:
        served.unrest = face.CALM

    return Stand(
        system="youzan",
        app=face.create_app(served),
        path="",
        dialect=face.DIALECT,
        options=options,
        bad_options={
            "secret": ({"client_secret": "wrong"}, "client_secret is wrong"),
            "shop": ({"grant_id": "1"}, "check client_id and grant_id"),
            "application": ({"client_id": "other"}, "check client_id and grant_id"),
        },
        now=NOW,
        truth=lambda: _truth(shop),
        change=change,
        calm=calm,
        add_field=lambda: shop.extra.update(brand_new_field="x"),
        rename_field=lambda: shop.renamed.update(status="state"),
        spoil_amounts=spoil_amounts,
        new_state=new_state,
        secrets=(face.CLIENT_SECRET,),
        unseen={
            "delivery_province": "the world has cities without provinces",
            "delivery_district": "the world has no districts",
            "buyer_message": "nobody wrote one",
            "trade_memo": "nobody wrote one",
            "outer_sku_id": "items without variants",
            "sku_properties_name": "items without variants",
            "refund_kind": "the list of refunds may leave it out",
        },
    )


def _civil(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime(TIME)


def _truth(shop: face.YouzanShop) -> Truth:
    """The whole shop, read without the connector's code."""
    trades = [one["full_order_info"] for one in shop.trades.values()]
    lines = [(trade["order_info"], line) for trade in trades for line in trade["orders"]]
    refunds = list(shop.refunds.values())
    phones = [shop.phones.get(trade["buyer_info"]["buyer_phone"]) for trade in trades]
    return {
        "youzan_trades": pl.DataFrame(
            {
                "shop_id": ["S022"] * len(trades),
                **_texts([one["order_info"] for one in trades], "tid", "status"),
                **_texts([one["buyer_info"] for one in trades], "yz_open_id", "outer_user_id"),
                "buyer_phone_digest": [phone and face.digest(phone) for phone in phones],
                "payment": [_fen(one["pay_info"]["payment"]) for one in trades],
                "created_at": [_utc(one["order_info"]["created"]) for one in trades],
                "paid_at": [_utc(one["order_info"]["pay_time"]) for one in trades],
                "modified_at": [_utc(one["order_info"]["update_time"]) for one in trades],
            }
        ),
        "youzan_trade_lines": pl.DataFrame(
            {
                "shop_id": ["S022"] * len(lines),
                "tid": [trade["tid"] for trade, _ in lines],
                **_texts([line for _, line in lines], "oid", "outer_item_id"),
                "payment": [_fen(line["payment"]) for _, line in lines],
                "modified_at": [_utc(trade["update_time"]) for trade, _ in lines],
            }
        ),
        "youzan_refunds": pl.DataFrame(
            {
                "shop_id": ["S022"] * len(refunds),
                **_texts(refunds, "refund_id", "tid"),
                "refund_fee": [_fen(one["refund_fee"]) for one in refunds],
                "return_goods": [one["return_goods"] for one in refunds],
                "modified_at": [_utc(one["modified"]) for one in refunds],
            }
        ),
        "youzan_refund_details": pl.DataFrame(
            {
                "shop_id": ["S022"] * len(refunds),
                **_texts(refunds, "refund_id", "oid", "refund_type"),
                "version": [one["version"] for one in refunds],
                "refunded_at": [_utc(one["refund_success_time"]) for one in refunds],
                "modified_at": [_utc(one["modified"]) for one in refunds],
            }
        ),
    }


def _texts(records: list[dict[str, Any]], *names: str) -> dict[str, list[str]]:
    return {name: [one[name] for one in records] for name in names}


def _fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)


def _utc(civil: str) -> datetime | None:
    if not civil:
        return None
    there = datetime.strptime(civil, TIME).replace(tzinfo=BEIJING)
    return there.astimezone(UTC).replace(tzinfo=None)


YOUZAN = Kind("youzan", make)
