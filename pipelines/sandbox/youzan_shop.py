"""A company's shop as Youzan holds it: trades and refunds with people as ciphers, from the demo or the full world."""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.sandbox import platform_orders
from pipelines.sandbox.chance import Chance
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.notation import civil, yuan
from pipelines.sandbox.premises import YOUZAN_CLIENT
from pipelines.sandbox.world import World
from pipelines.sandbox.youzan import CLIENT_ID, GRANT_ID, YouzanShop

STORE_ID, FULL_STORE_ID = "S022", "S026"
_ROOT = "42583100"
_SHIPS_AFTER, _ENDS_AFTER = timedelta(hours=20), timedelta(days=9)


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
    paid = pl.col("paid_at").is_not_null()
    bought = world.order_lines.filter(pl.col("store_id") == store_id)  # two stores may use one number
    refunds = world.refunds.filter((pl.col("store_id") == store_id) & pl.col("order_line_no").is_not_null())
    given_back = refunds.group_by("order_id").agg(
        pl.col("refunded_at").max(), pl.col("refund_amount").sum().alias("refunded")
    )
    sums = bought.group_by("order_id").agg(
        pl.col("paid_amount").sum().alias("payment"),
        (pl.col("unit_price") * pl.col("quantity")).sum().alias("total_fee"),
    )
    orders = (
        world.orders.filter(pl.col("store_id") == store_id)
        .join(_people(world), on="person_id", how="left", maintain_order="left")
        .join(given_back, on="order_id", how="left", maintain_order="left")
        .join(sums, on="order_id", maintain_order="left")
        .with_columns(
            pl.col("name").alias("receiver_name"),
            blank.alias("province"),
            blank.alias("district"),
            pl.format("{} {}", "city", "person_id").alias("detail"),
            pl.when(paid).then(pl.format("42000{}", "order_id")).alias("transaction_id"),
            pl.when(paid).then(pl.min_horizontal(pl.col("paid_at") + _SHIPS_AFTER, ends)).alias("shipped_at"),
            pl.when(pl.col("status") == "finished")
            .then(pl.min_horizontal(pl.col("paid_at") + _ENDS_AFTER, ends))
            .alias("received_at"),
            pl.when(pl.col("status") == "cancelled").then("ordered_at").alias("closed_at"),
            pl.col("refunded").fill_null(0),
        )
        .with_columns(
            pl.max_horizontal("ordered_at", "paid_at", "shipped_at", "received_at", "refunded_at").alias("modified_at")
        )
    )
    returns = refunds.with_columns(
        platform_orders.oid("order_line_no"),
        pl.col("quantity").is_not_null().alias("comes_back"),
        (pl.col("refunded_at") - pl.duration(hours=6)).alias("requested_at"),
    )
    return _shop(orders, bought.with_columns(platform_orders.oid("line_no")), returns, GRANT_ID, CLIENT_ID)


def branch(full: FullWorld, store_id: str = FULL_STORE_ID) -> YouzanShop:
    """The full company's Youzan shop, with receivers who are not the buyers, and buyers known by the truth's
    ``yz_open_id``. Raises polars' NoRowsReturnedError when it is no shop."""
    kdt_id = full.company.shops.row(by_predicate=pl.col("store_id") == store_id, named=True)["account_id"]
    mine = pl.col("store_id") == store_id
    orders = (
        platform_orders.trades(full, "youzan")
        .filter(mine)
        .join(full.world.people.select("person_id", "name"), on="person_id", maintain_order="left")
        .join(platform_orders.paid_by(full), on=["order_id", "store_id"], how="left", maintain_order="left")
        .with_columns(
            platform_orders.youzan_state().alias("state"),
            pl.col("buyer_id").alias("yz_open_id"),
            pl.lit(None, dtype=pl.String).alias("outer_user_id"),  # nobody knows a WeChat app of this shop
        )
    )
    refunds = platform_orders.refunds(full, "youzan").filter(mine)
    return _shop(orders, platform_orders.lines(full, orders), refunds, kdt_id, YOUZAN_CLIENT)


def _shop(orders: pl.DataFrame, lines: pl.DataFrame, refunds: pl.DataFrame, kdt_id: str, client_id: str) -> YouzanShop:
    """The records of these frames: ``orders`` as ``platform_orders.trades`` gives them, with yz_open_id, outer_user_id,
    name and transaction_id."""
    stated = orders.with_columns(
        platform_orders.youzan_state().alias("state"),
        platform_orders.youzan_refund_state().alias("refund_state"),
        platform_orders.youzan_close_type().alias("close_type"),
    )
    bought: dict[str, list[dict[str, Any]]] = {}
    for one in lines.iter_rows(named=True):
        bought.setdefault(one["order_id"], []).append(_line(one))
    phones = [_local_phone(phone) for phone in orders["buyer_phone"].drop_nulls().unique()]
    return YouzanShop(
        trades={
            one["order_id"]: _trade(one, bought.get(one["order_id"], []), kdt_id)
            for one in stated.iter_rows(named=True)
        },
        refunds={one["refund_id"]: _refund(one, kdt_id) for one in refunds.iter_rows(named=True)},
        phones={cipher(phone, kdt_id): phone for phone in phones},
        kdt_id=kdt_id,
        client_id=client_id,
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
    return {
        "oid": one["oid"],
        "item_type": 0,
        "item_id": int(one["product_id"].replace("P", "6000")),
        "sku_id": 0,
        "outer_item_id": one["product_id"],
        "outer_sku_id": "",
        "sku_properties_name": "",
        "title": one["product_name"],
        "num": one["quantity"],
        "price": yuan(one["unit_price"]),
        "discount_price": yuan(one["unit_price"]),
        "total_fee": yuan(one["unit_price"] * one["quantity"]),  # discounts are the order's, not the item's
        "payment": yuan(one["paid_amount"]),
        "is_present": False,
        "buyer_messages": "",
    }


def _trade(one: dict[str, Any], lines: list[dict[str, Any]], kdt_id: str) -> dict[str, Any]:
    return {
        "full_order_info": {
            "order_info": _order_info(one, kdt_id),
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
                "total_fee": yuan(one["total_fee"]),
                "post_fee": "0.00",
                "payment": yuan(one["payment"]),
                "real_payment": yuan(one["payment"] if one["paid_at"] else 0),
                "deduction_pay": 0,
                "transaction": [f"YZ{one['order_id']}"] if one["paid_at"] else [],
                "outer_transactions": [one["transaction_id"]] if one["transaction_id"] else [],
            },
            "orders": lines,
            "remark_info": {"buyer_message": "", "trade_memo": ""},
        }
    }


def _order_info(one: dict[str, Any], kdt_id: str) -> dict[str, Any]:
    info = {
        "tid": one["order_id"],
        "status": one["state"],
        "status_str": one["state"],
        "type": 0,
        "pay_type": 1 if one["paid_at"] else 0,
        "refund_state": one["refund_state"],
        "close_type": one["close_type"],
        "express_type": 0,
        "is_retail_order": False,
        "node_kdt_id": int(kdt_id),
        "root_kdt_id": int(_ROOT),
        "offline_id": 0,
        "shop_name": "四季茶铺",
        "created": civil(one["ordered_at"]),
        "update_time": civil(one["modified_at"]),
    }
    times = {"pay_time": one["paid_at"], "consign_time": one["shipped_at"], "success_time": one["received_at"]}
    return info | {name: "" if at is None else civil(at) for name, at in times.items()}


def _refund(one: dict[str, Any], kdt_id: str) -> dict[str, Any]:
    return {
        "refund_id": one["refund_id"],
        "status": "SUCCESS",
        "tid": one["order_id"],
        "oid": one["oid"],
        "kdt_id": int(kdt_id),
        "return_goods": one["comes_back"],
        "reason": platform_orders.YOUZAN_REASONS[one["reason"]],
        "refund_fee": yuan(one["refund_amount"]),
        "refund_type": "BUYER_APPLY_REFUND",
        "demand": 2 if one["comes_back"] else 1,
        "version": 1_700_000_000_000,
        "refund_success_time": civil(one["refunded_at"]),
        "created": civil(one["requested_at"]),
        "modified": civil(one["refunded_at"]),
    }


def _local_phone(phone: str | None) -> str:
    return (phone or "").removeprefix("+86")
