"""A company's Taobao shops as the platform holds them: trades and refunds with masked buyers, from the demo or the full
world."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.sandbox import platform_orders
from pipelines.sandbox.chance import Chance
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.notation import civil, yuan
from pipelines.sandbox.taobao import APP_KEY, TaobaoShop
from pipelines.sandbox.world import World

STORE_ID, CLUB_STORE_ID = "S021", "S025"  # the second one of the full company
_SHIPS_AFTER, _ENDS_AFTER = timedelta(hours=20), timedelta(days=9)


def tmall(world: World, store_id: str = STORE_ID) -> TaobaoShop:
    """The demo company's shop: everything that happened until the world ends, each record in its last state."""
    mine = pl.col("store_id") == store_id  # two stores may use one number
    refunds = world.refunds.filter(mine & pl.col("order_line_no").is_not_null())
    bought = world.order_lines.filter(mine)
    orders = _demo_orders(world, world.orders.filter(mine), bought, refunds)
    given = refunds.select("order_id", pl.col("order_line_no").alias("line_no"), "refund_id")
    newest = given.unique(["order_id", "line_no"], keep="last", maintain_order=True)
    lines = (
        bought.join(newest, on=["order_id", "line_no"], how="left", maintain_order="left")
        .join(orders.select("order_id", "state"), on="order_id", maintain_order="left")
        .with_columns(
            platform_orders.oid("line_no"),
            (pl.col("unit_price") * pl.col("quantity") - pl.col("discount")).alias("total_fee"),
        )
    )
    sold = lines.select(
        "order_id", pl.col("line_no").alias("order_line_no"), "oid", pl.col("paid_amount").alias("line_amount")
    )
    given_back = (
        refunds.join(orders.select("order_id", "buyer_open_uid", "nick"), on="order_id", maintain_order="left")
        .join(sold, on=["order_id", "order_line_no"], maintain_order="left")
        .with_columns(
            pl.col("quantity").is_not_null().alias("comes_back"),
            (pl.col("refunded_at") - pl.duration(hours=6)).alias("requested_at"),
        )
    )
    return _shop(orders, lines, given_back)


def _demo_orders(world: World, placed: pl.DataFrame, bought: pl.DataFrame, refunds: pl.DataFrame) -> pl.DataFrame:
    ends = pl.lit(world.ends_on).cast(pl.Datetime("us")) + pl.duration(hours=15, minutes=59)
    paid, finished = pl.col("paid_at").is_not_null(), pl.col("status") == "finished"
    returned = refunds.group_by("order_id").agg(pl.col("refunded_at").max().alias("returned_at"))
    sums = bought.group_by("order_id").agg(
        pl.col("paid_amount").sum().alias("payment"),
        (pl.col("unit_price") * pl.col("quantity")).sum().alias("total_fee"),
        pl.col("discount").sum().alias("discount_fee"),
    )
    return (
        placed.join(_buyers(world), on="person_id", how="left", maintain_order="left")
        .join(returned, on="order_id", how="left", maintain_order="left")
        .join(sums, on="order_id", maintain_order="left")
        .with_columns(
            pl.when(paid).then(pl.min_horizontal(pl.col("paid_at") + _SHIPS_AFTER, ends)).alias("consigned_at"),
            pl.when(finished).then(pl.min_horizontal(pl.col("paid_at") + _ENDS_AFTER, ends)).alias("ended_at"),
            pl.col("status").replace_strict(_STATES, return_dtype=pl.String).alias("state"),
            pl.when(finished).then("payment").otherwise(0).alias("received_payment"),
            pl.format("oaid-{}", pl.col("buyer_open_uid").str.slice(3, 12)).alias("oaid"),
            pl.lit("***").alias("receiver_address"),
        )
        .with_columns(
            pl.max_horizontal("ordered_at", "paid_at", "consigned_at", "ended_at", "returned_at").alias("modified_at")
        )
    )


def shop(full: FullWorld, store_id: str) -> TaobaoShop:
    """A shop of the full company under its own application: buyers as that one knows them, receivers who are not the
    buyers, masked, with a cipher of the week. Raises polars' NoRowsReturnedError when it is no shop."""
    account = full.company.shops.row(by_predicate=pl.col("store_id") == store_id, named=True)["account_id"]
    mine = pl.col("store_id") == store_id
    trades = platform_orders.trades(full, "taobao").filter(mine)
    orders = trades.with_columns(
        platform_orders.taobao_state().alias("state"),
        platform_orders.received().alias("received_payment"),
        platform_orders.oaid().alias("oaid"),
        pl.col("buyer_id").alias("buyer_open_uid"),
        pl.col("shipped_at").alias("consigned_at"),
        pl.coalesce("received_at", "closed_at").alias("ended_at"),
        pl.col("masked_name").alias("receiver"),
        pl.col("masked_phone").alias("mobile"),
        pl.col("province").alias("receiver_state"),
        pl.col("city").alias("receiver_city"),
        pl.col("district").alias("receiver_district"),
        pl.col("masked_detail").alias("receiver_address"),
    )
    refunds = platform_orders.refunds(full, "taobao").filter(mine)
    return _shop(
        orders,
        platform_orders.lines(full, orders),
        refunds.with_columns(pl.col("buyer_id").alias("buyer_open_uid")),
        account,
    )


def _shop(orders: pl.DataFrame, lines: pl.DataFrame, refunds: pl.DataFrame, app_key: str = APP_KEY) -> TaobaoShop:
    """The records of these frames; amounts in fen, times naive UTC."""
    bought: dict[str, list[dict[str, Any]]] = {}
    for one in lines.iter_rows(named=True):
        bought.setdefault(one["order_id"], []).append(_line(one))
    return TaobaoShop(
        {one["order_id"]: _trade(one, bought.get(one["order_id"], [])) for one in orders.iter_rows(named=True)},
        {one["refund_id"]: _refund(one) for one in refunds.iter_rows(named=True)},
        app_key,
    )


def _buyers(world: World) -> pl.DataFrame:
    """One row per person: person_id, buyer_open_uid (of this application); nick, receiver, mobile masked; city."""
    chance = Chance(world.seed, "taobao buyers")
    size = world.people.height
    surname = pl.col("name").str.slice(0, 1)
    phone = pl.col("phone").str.strip_prefix("+86")
    return world.people.select(
        "person_id",
        pl.Series("buyer_open_uid", np.char.add("AAF", chance.codes(size, "", 24))),
        (surname + "**").alias("nick"),
        (
            pl.col("name").str.slice(0, 1) + pl.lit("*").repeat_by(pl.col("name").str.len_chars() - 1).list.join("")
        ).alias("receiver"),
        (phone.str.slice(0, 3) + "****" + phone.str.slice(-4)).alias("mobile"),
        pl.col("city").alias("receiver_city"),
    )


def _line(one: dict[str, Any]) -> dict[str, Any]:
    line = {
        "oid": one["oid"],
        "num_iid": one["product_id"].replace("P", "6000"),
        "outer_iid": one["product_id"],
        "title": one["product_name"],
        "num": one["quantity"],
        "price": yuan(one["unit_price"]),
        "total_fee": yuan(one["total_fee"]),
        "discount_fee": yuan(one["discount"]),
        "payment": yuan(one["paid_amount"]),
        "divide_order_fee": yuan(one["paid_amount"]),
        "part_mjz_discount": "0.00",
        "status": one["state"],
        "refund_status": "SUCCESS" if one["refund_id"] else "NO_REFUND",
    }
    return line | ({"refund_id": one["refund_id"]} if one["refund_id"] else {})


_STATES = {
    "finished": "TRADE_FINISHED",
    "shipped": "WAIT_BUYER_CONFIRM_GOODS",
    "unpaid": "WAIT_BUYER_PAY",
    "cancelled": "TRADE_CLOSED_BY_TAOBAO",
}


def _trade(one: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    trade = {
        "tid": one["order_id"],
        "type": "fixed",
        "status": one["state"],
        "buyer_nick": one["nick"],
        "buyer_open_uid": one["buyer_open_uid"],
        "oaid": one["oaid"],
        "receiver_name": one["receiver"],
        "receiver_mobile": one["mobile"] or "",
        "receiver_city": one["receiver_city"],
        "receiver_address": one["receiver_address"],
        "payment": yuan(one["payment"]),
        "total_fee": yuan(one["total_fee"]),
        "post_fee": "0.00",
        "discount_fee": yuan(one["discount_fee"]),
        "adjust_fee": "0.00",
        "received_payment": yuan(one["received_payment"]),
        "created": civil(one["ordered_at"]),
        "modified": civil(one["modified_at"]),
        "orders": {"order": lines},
    }
    places = {name: one.get(name) for name in ("receiver_state", "receiver_district")}
    times = {"pay_time": one["paid_at"], "consign_time": one["consigned_at"], "end_time": one["ended_at"]}
    known = {name: place for name, place in places.items() if place is not None}
    return trade | known | {name: civil(at) for name, at in times.items() if at is not None}


def _refund(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "refund_id": one["refund_id"],
        "tid": one["order_id"],
        "oid": one["oid"],
        "status": "SUCCESS",
        "refund_phase": "aftersale",
        "reason": one["reason"],
        "buyer_nick": one["nick"],
        "buyer_open_uid": one["buyer_open_uid"],
        "has_good_return": one["comes_back"],
        "total_fee": yuan(one["line_amount"]),
        "payment": yuan(one["line_amount"] - one["refund_amount"]),
        "refund_fee": yuan(one["refund_amount"]),
        "created": civil(one["requested_at"]),
        "modified": civil(one["refunded_at"]),
    }
