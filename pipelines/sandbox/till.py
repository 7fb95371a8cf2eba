"""The mini-program shop's last weeks of payments, as its own system and as WeChat Pay recorded them.

A few rows differ on purpose, as in every real month, so that reconciliation has something to show: see ``DIFFERENCES``.
"""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.sandbox.chance import Chance
from pipelines.sandbox.wechat_pay_bills import SHOP, MerchantBooks
from pipelines.sandbox.world import World

DAYS = 30
PAYMENTS, BILLS = "payments", "bills"
#: What differs, in the order of the payments chosen for it, and how many of each.
DIFFERENCES = ("not_on_bill", "not_in_ours", "failed_in_ours", "more_in_ours", "other_fee")
_EACH = 2
_MAP = """# 小程序商城收款流水 / payments of the mini-program shop
dataset: payments
constants:
  timezone: Asia/Shanghai
columns:
  payment_id: 支付流水号
  channel: 支付渠道
  account_id: 商户号
  store_id: 门店编号
  kind: {from: 收付类型, values: {收款: payment, 退款: refund}}
  order_id: 商户订单号
  transaction_id: 微信支付订单号
  refund_id: 商户退款单号
  platform_refund_id: 微信退款单号
  status: {from: 支付状态, values: {成功: success, 失败: failed}}
  currency: 币种
  amount: {from: 金额, unit: minor}
  fee_amount: {from: 手续费, unit: minor}
  occurred_at: 支付时间
duplicates: keep
"""


def write_payments(world: World, folder: Path) -> list[Path]:
    """Write ``payments.csv`` with its map and one trade bill a day into ``bills/``, for the world's last 30 days.

    Returns the bills by day. Nothing is written when the shop sold too little in the middle of that time.
    """
    last: date = world.orders["ordered_at"].dt.date().max()  # type: ignore[assignment]
    first = last - timedelta(days=DAYS - 1)
    books = MerchantBooks.of(world)
    books = replace(
        books, payments=_since(books.payments, "paid_at", first), refunds=_since(books.refunds, "at", first)
    )
    chosen = _chosen(books, last)
    if chosen is None:
        return []
    (folder / f"{PAYMENTS}.csv").write_bytes(_ours(books, chosen).write_csv(line_terminator="\r\n").encode())
    (folder / f"{PAYMENTS}.map.yaml").write_text(_MAP, "utf-8", newline="\n")
    number, fee = pl.col("transaction_id"), pl.col("fee")
    billed = books.payments.filter(~number.is_in(chosen["not_on_bill"])).with_columns(
        pl.when(number.is_in(chosen["other_fee"])).then(fee + 8).otherwise(fee).alias("fee")
    )
    bills = replace(books, payments=billed)
    (folder / BILLS).mkdir(exist_ok=True)
    written = []
    for day in (first + timedelta(days=n) for n in range(DAYS)):
        text = bills.trade_bill(day, "ALL")
        if text is not None:
            path = folder / BILLS / f"wechat-pay-{books.merchant_id}-{day}.csv"
            path.write_bytes(text.encode())
            written.append(path)
    return written


def _since(frame: pl.DataFrame, moment: str, first: date) -> pl.DataFrame:
    return frame.filter(pl.col(moment).dt.date() >= first)


def _chosen(books: MerchantBooks, last: date) -> dict[str, list[str]] | None:
    """Payments that nobody asked back, a week old at the end: so late bills explain none of them."""
    pool = books.payments.filter(
        (pl.col("paid_at").dt.date() <= last - timedelta(days=7)) & (pl.col("amount") >= 200)
    ).join(books.refunds, on="transaction_id", how="anti")
    if pool.height < _EACH * len(DIFFERENCES):
        return None
    order = np.argsort(Chance(0, "payments that differ").uniform(pool.height), kind="stable")
    numbers = pool.sort("transaction_id")["transaction_id"].gather(order[: _EACH * len(DIFFERENCES)])
    return {name: numbers[n * _EACH : (n + 1) * _EACH].to_list() for n, name in enumerate(DIFFERENCES)}


def _ours(books: MerchantBooks, chosen: dict[str, list[str]]) -> pl.DataFrame:
    number, nothing = pl.col("transaction_id"), pl.lit("")
    shared = {
        "支付渠道": pl.lit("wechat_pay"),
        "商户号": pl.lit(books.merchant_id),
        "门店编号": pl.lit(SHOP),
        "商户订单号": pl.col("order_id"),
        "微信支付订单号": number,
        "币种": pl.lit("CNY"),
        "手续费": pl.col("fee"),
    }
    paid = books.payments.filter(~number.is_in(chosen["not_in_ours"])).select(
        ("P" + number).alias("支付流水号"),
        *(value.alias(name) for name, value in shared.items()),
        pl.lit("收款").alias("收付类型"),
        nothing.alias("商户退款单号"),
        nothing.alias("微信退款单号"),
        pl.when(number.is_in(chosen["failed_in_ours"]))
        .then(pl.lit("失败"))
        .otherwise(pl.lit("成功"))
        .alias("支付状态"),
        (pl.col("amount") + pl.when(number.is_in(chosen["more_in_ours"])).then(100).otherwise(0)).alias("金额"),
        pl.col("paid_at").alias("支付时间"),
    )
    back = books.refunds.select(
        ("R" + pl.col("refund_no")).alias("支付流水号"),
        *(value.alias(name) for name, value in shared.items()),
        pl.lit("退款").alias("收付类型"),
        pl.col("refund_id").alias("商户退款单号"),
        pl.col("refund_no").alias("微信退款单号"),
        pl.lit("成功").alias("支付状态"),
        pl.col("amount").alias("金额"),
        pl.col("at").alias("支付时间"),
    )
    told = pl.concat([paid, back], how="vertical_relaxed").sort("支付时间", "支付流水号")
    return told.with_columns(pl.col("支付时间").dt.strftime("%Y-%m-%d %H:%M:%S"))
