"""The demo company's Tmall shop as the platform holds it: trades and refunds with masked buyers, from the world."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.sandbox.chance import Chance
from pipelines.sandbox.taobao import TaobaoShop
from pipelines.sandbox.world import World

STORE_ID = "S021"
_TIME = "%Y-%m-%d %H:%M:%S"
_SHIPS_AFTER, _ENDS_AFTER = timedelta(hours=20), timedelta(days=9)


def tmall(world: World, store_id: str = STORE_ID) -> TaobaoShop:
    """Everything that happened in the shop until the world ends, each record in its last state."""
    ends = pl.lit(world.ends_on).cast(pl.Datetime("us")) + pl.duration(hours=15, minutes=59)
    orders = (
        world.orders.filter(pl.col("store_id") == store_id)
        .join(_buyers(world), on="person_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("paid_at").is_not_null())
            .then(pl.min_horizontal(pl.col("paid_at") + _SHIPS_AFTER, ends))
            .alias("consigned_at"),
            pl.when(pl.col("status") == "finished")
            .then(pl.min_horizontal(pl.col("paid_at") + _ENDS_AFTER, ends))
            .alias("ended_at"),
        )
    )
    refunds = world.refunds.filter((pl.col("store_id") == store_id) & pl.col("order_line_no").is_not_null())
    returned = refunds.group_by("order_id").agg(pl.col("refunded_at").max().alias("returned_at"))
    orders = orders.join(returned, on="order_id", how="left", maintain_order="left").with_columns(
        pl.max_horizontal("ordered_at", "paid_at", "consigned_at", "ended_at", "returned_at").alias("modified_at")
    )
    lines = _lines(world, store_id, refunds)
    trades = {one["order_id"]: _trade(one, lines.get(one["order_id"], [])) for one in orders.iter_rows(named=True)}
    given_back = refunds.join(
        orders.select("order_id", "buyer_open_uid", "nick"), on="order_id", maintain_order="left"
    ).join(
        world.order_lines.filter(pl.col("store_id") == store_id).select(
            "order_id", pl.col("line_no").alias("order_line_no"), pl.col("paid_amount").alias("line_amount")
        ),
        on=["order_id", "order_line_no"],
        maintain_order="left",
    )
    return TaobaoShop(trades, {one["refund_id"]: _refund(one) for one in given_back.iter_rows(named=True)})


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


def _lines(world: World, store_id: str, refunds: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    given_back = refunds.select("order_id", pl.col("order_line_no").alias("line_no"), "refund_id")
    frame = world.order_lines.filter(pl.col("store_id") == store_id).join(
        given_back.unique(["order_id", "line_no"], keep="last", maintain_order=True),
        on=["order_id", "line_no"],
        how="left",
        maintain_order="left",
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for one in frame.iter_rows(named=True):
        found.setdefault(one["order_id"], []).append(_line(one))
    return found


def _line(one: dict[str, Any]) -> dict[str, Any]:
    gross = one["unit_price"] * one["quantity"]
    line = {
        "oid": f"{one['order_id']}{one['line_no']:02d}",
        "num_iid": one["product_id"].replace("P", "6000"),
        "outer_iid": one["product_id"],
        "title": one["product_name"],
        "num": one["quantity"],
        "price": _yuan(one["unit_price"]),
        "total_fee": _yuan(gross),
        "discount_fee": _yuan(one["discount"]),
        "payment": _yuan(one["paid_amount"]),
        "divide_order_fee": _yuan(one["paid_amount"]),
        "part_mjz_discount": "0.00",
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
    paid = sum(_fen(line["payment"]) for line in lines)
    trade = {
        "tid": one["order_id"],
        "type": "fixed",
        "status": _STATES[one["status"]],
        "buyer_nick": one["nick"],
        "buyer_open_uid": one["buyer_open_uid"],
        "oaid": f"oaid-{one['buyer_open_uid'][3:15]}",
        "receiver_name": one["receiver"],
        "receiver_mobile": one["mobile"] or "",
        "receiver_city": one["receiver_city"],
        "receiver_address": "***",
        "payment": _yuan(paid),
        "total_fee": _yuan(sum(_fen(line["total_fee"]) for line in lines)),
        "post_fee": "0.00",
        "discount_fee": _yuan(sum(_fen(line["discount_fee"]) for line in lines)),
        "adjust_fee": "0.00",
        "received_payment": _yuan(paid if one["status"] == "finished" else 0),
        "created": _local(one["ordered_at"]),
        "modified": _local(one["modified_at"]),
        "orders": {"order": [{**line, "status": _STATES[one["status"]]} for line in lines]},
    }
    times = {"pay_time": one["paid_at"], "consign_time": one["consigned_at"], "end_time": one["ended_at"]}
    return trade | {name: _local(at) for name, at in times.items() if at is not None}


def _refund(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "refund_id": one["refund_id"],
        "tid": one["order_id"],
        "oid": f"{one['order_id']}{one['order_line_no']:02d}",
        "status": "SUCCESS",
        "refund_phase": "aftersale",
        "reason": one["reason"],
        "buyer_nick": one["nick"],
        "buyer_open_uid": one["buyer_open_uid"],
        "has_good_return": one["quantity"] is not None,
        "total_fee": _yuan(one["line_amount"]),
        "payment": _yuan(one["line_amount"] - one["refund_amount"]),
        "refund_fee": _yuan(one["refund_amount"]),
        "created": _local(one["refunded_at"] - timedelta(hours=6)),
        "modified": _local(one["refunded_at"]),
    }


def _local(at: Any) -> str:
    return str((at + timedelta(hours=8)).strftime(_TIME))


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _fen(yuan: str) -> int:
    whole, rest = yuan.split(".")
    return int(whole) * 100 + int(rest)
