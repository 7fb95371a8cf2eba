"""A company's shop as Youzan holds it: trades and refunds with people as ciphers, from the demo or the full world."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.sandbox.chance import Chance
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.world import World
from pipelines.sandbox.youzan import GRANT_ID, YouzanShop
from pipelines.sources.youzan_api import TIME

STORE_ID, FULL_STORE_ID = "S022", "S026"
_ROOT = "42583100"
_SHIPS_AFTER, _ENDS_AFTER = timedelta(hours=20), timedelta(days=9)
_REASONS = {"七天无理由": 5, "质量问题": 11, "发错货": 15, "不喜欢": 6, "包装破损": 13}


def cipher(text: str | None, shop: str = GRANT_ID) -> str:
    """``$base64==$1$``, the same for the same text of one shop, another one in another shop; empty for nothing."""
    if not text:
        return ""
    inner = hmac.new(shop.encode(), text.encode(), hashlib.sha256).digest()[:16]
    return f"${base64.b64encode(inner).decode()}$1$"


def mall(world: World, store_id: str = STORE_ID) -> YouzanShop:
    """The demo company's mall: everything that happened until the world ends, each record in its last state."""
    ends = pl.lit(world.ends_on).cast(pl.Datetime("us")) + pl.duration(hours=15, minutes=59)
    blank = pl.lit(None, dtype=pl.String)
    orders = (
        world.orders.filter(pl.col("store_id") == store_id)
        .join(_people(world), on="person_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("name").alias("receiver_name"),
            blank.alias("province"),
            blank.alias("district"),
            pl.format("{} {}", "city", "person_id").alias("detail"),
            pl.when(pl.col("paid_at").is_not_null()).then(pl.format("42000{}", "order_id")).alias("transaction_id"),
            pl.when(pl.col("paid_at").is_not_null())
            .then(pl.min_horizontal(pl.col("paid_at") + _SHIPS_AFTER, ends))
            .alias("shipped_at"),
            pl.when(pl.col("status") == "finished")
            .then(pl.min_horizontal(pl.col("paid_at") + _ENDS_AFTER, ends))
            .alias("received_at"),
        )
    )
    return _shop(world, orders, store_id, GRANT_ID)


def branch(full: FullWorld, store_id: str = FULL_STORE_ID) -> YouzanShop:
    """The full company's Youzan shop, with receivers who are not the buyers, and buyers known by the truth's
    ``yz_open_id``."""
    shop = full.company.shops.row(by_predicate=pl.col("store_id") == store_id, named=True)
    known = ["order_id", "receiver_name", "receiver_phone", "province", "city", "district", "detail"]
    orders = (
        full.world.orders.filter(pl.col("store_id") == store_id)
        .join(full.world.people.select("person_id", "name"), on="person_id", how="left", maintain_order="left")
        .join(full.accounts.select("person_id", "yz_open_id"), on="person_id", how="left", maintain_order="left")
        .join(
            full.deliveries.select(*known, "shipped_at", "received_at"),
            on="order_id",
            how="left",
            maintain_order="left",
        )
        .join(full.payments.select("order_id", "transaction_id"), on="order_id", how="left", maintain_order="left")
        .with_columns(pl.lit(None, dtype=pl.String).alias("outer_user_id"))  # nobody knows a WeChat app of this shop
    )
    return _shop(full.world, orders, store_id, shop["account_id"])


def _shop(world: World, orders: pl.DataFrame, store_id: str, kdt_id: str) -> YouzanShop:
    """``orders``: the world's, with yz_open_id, outer_user_id, name, the receiver, transaction_id, shipped_at and
    received_at."""
    refunds = world.refunds.filter((pl.col("store_id") == store_id) & pl.col("order_line_no").is_not_null())
    returned = refunds.group_by("order_id").agg(
        pl.col("refunded_at").max().alias("returned_at"), pl.col("refund_amount").sum().alias("returned")
    )
    dated = orders.join(returned, on="order_id", how="left", maintain_order="left").with_columns(
        pl.max_horizontal("ordered_at", "paid_at", "shipped_at", "received_at", "returned_at").alias("modified_at")
    )
    bought: dict[str, list[dict[str, Any]]] = {}
    for one in world.order_lines.filter(pl.col("store_id") == store_id).iter_rows(named=True):
        bought.setdefault(one["order_id"], []).append(_line(one))
    phones = [_local_phone(phone) for phone in orders["buyer_phone"].drop_nulls().unique()]
    return YouzanShop(
        trades={
            one["order_id"]: _trade(one, bought.get(one["order_id"], []), kdt_id) for one in dated.iter_rows(named=True)
        },
        refunds={one["refund_id"]: _refund(one, kdt_id) for one in refunds.iter_rows(named=True)},
        phones={cipher(phone, kdt_id): phone for phone in phones},
        kdt_id=kdt_id,
    )


def _people(world: World) -> pl.DataFrame:
    """One row per person: person_id, yz_open_id, outer_user_id, name, city, receiver_phone."""
    chance = Chance(world.seed, "youzan buyers")
    size = world.people.height
    return world.people.select(
        "person_id",
        "name",
        "city",
        pl.col("phone").alias("receiver_phone"),
        pl.Series("yz_open_id", chance.codes(size, "", 22)),
        pl.Series("outer_user_id", np.char.add("oYz", chance.codes(size, "", 25))),
    )


def _line(one: dict[str, Any]) -> dict[str, Any]:
    gross = one["unit_price"] * one["quantity"]
    return {
        "oid": _oid(one["order_id"], one["line_no"]),
        "item_type": 0,
        "item_id": int(one["product_id"].replace("P", "6000")),
        "sku_id": 0,
        "outer_item_id": one["product_id"],
        "outer_sku_id": "",
        "sku_properties_name": "",
        "title": one["product_name"],
        "num": one["quantity"],
        "price": _yuan(one["unit_price"]),
        "discount_price": _yuan(one["unit_price"]),
        "total_fee": _yuan(gross),
        "payment": _yuan(one["paid_amount"]),
        "is_present": False,
        "buyer_messages": "",
    }


_STATES = {
    "finished": "TRADE_SUCCESS",
    "shipped": "WAIT_BUYER_CONFIRM_GOODS",
    "unpaid": "WAIT_BUYER_PAY",
    "cancelled": "TRADE_CLOSED",
}


def _trade(one: dict[str, Any], lines: list[dict[str, Any]], kdt_id: str) -> dict[str, Any]:
    paid = sum(_fen(line["payment"]) for line in lines)
    whole = one["returned"] is not None and one["returned"] >= paid
    return {
        "full_order_info": {
            "order_info": _order_info(one, kdt_id, whole=whole),
            "source_info": {
                "is_offline_order": False,
                "source": {"platform": "wx", "wx_entrance": "merchant_xcx"},
                "order_mark": "weapp_youzan",
            },
            "buyer_info": {
                "yz_open_id": one["yz_open_id"] or "",
                "outer_user_id": one["outer_user_id"] or "",
                "buyer_phone": cipher(_local_phone(one["buyer_phone"]), kdt_id),
                "fans_id": 0,
                "fans_nickname": cipher(one["name"], kdt_id),
            },
            "address_info": {
                "receiver_name": cipher(one["receiver_name"], kdt_id),
                "receiver_tel": cipher(_local_phone(one["receiver_phone"]), kdt_id),
                "delivery_province": one["province"] or "",
                "delivery_city": one["city"] or "",
                "delivery_district": one["district"] or "",
                "delivery_address": cipher(one["detail"], kdt_id),
            },
            "pay_info": {
                "total_fee": _yuan(sum(_fen(line["total_fee"]) for line in lines)),
                "post_fee": "0.00",
                "payment": _yuan(paid),
                "real_payment": _yuan(paid if one["paid_at"] else 0),
                "deduction_pay": 0,
                "transaction": [f"YZ{one['order_id']}"] if one["paid_at"] else [],
                "outer_transactions": [one["transaction_id"]] if one["transaction_id"] else [],
            },
            "orders": lines,
            "remark_info": {"buyer_message": "", "trade_memo": ""},
        }
    }


def _order_info(one: dict[str, Any], kdt_id: str, *, whole: bool) -> dict[str, Any]:
    given_back = 0 if one["returned"] is None else 12 if whole else 2
    status = "TRADE_CLOSED" if whole else _STATES[one["status"]]
    info = {
        "tid": one["order_id"],
        "status": status,
        "status_str": status,
        "type": 0,
        "pay_type": 1 if one["paid_at"] else 0,
        "refund_state": given_back,
        "close_type": 2 if whole else 4 if one["status"] == "cancelled" else 0,
        "express_type": 0,
        "is_retail_order": False,
        "node_kdt_id": int(kdt_id),
        "root_kdt_id": int(_ROOT),
        "offline_id": 0,
        "shop_name": "四季茶铺",
        "created": _local(one["ordered_at"]),
        "update_time": _local(one["modified_at"]),
    }
    times = {"pay_time": one["paid_at"], "consign_time": one["shipped_at"], "success_time": one["received_at"]}
    return info | {name: "" if at is None else _local(at) for name, at in times.items()}


def _refund(one: dict[str, Any], kdt_id: str) -> dict[str, Any]:
    returns = one["quantity"] is not None
    return {
        "refund_id": one["refund_id"],
        "status": "SUCCESS",
        "tid": one["order_id"],
        "oid": _oid(one["order_id"], one["order_line_no"]),
        "kdt_id": int(kdt_id),
        "return_goods": returns,
        "reason": _REASONS[one["reason"]],
        "refund_fee": _yuan(one["refund_amount"]),
        "refund_type": "BUYER_APPLY_REFUND",
        "demand": 2 if returns else 1,
        "version": 1_700_000_000_000,
        "refund_success_time": _local(one["refunded_at"]),
        "created": _local(one["refunded_at"] - timedelta(hours=6)),
        "modified": _local(one["refunded_at"]),
    }


def _oid(order_id: str, line_no: int) -> str:
    return f"{order_id.lstrip('E')}{line_no:02d}"


def _local_phone(phone: str | None) -> str:
    return (phone or "").removeprefix("+86")


def _local(at: datetime) -> str:
    return (at + timedelta(hours=8)).strftime(TIME)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _fen(yuan: str) -> int:
    whole, rest = yuan.split(".")
    return int(whole) * 100 + int(rest)
