"""WeChat Pay behind its face: the books of the mini-program shop of a generated world."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.sandbox import wechat_pay as face
from pipelines.sandbox.wechat_pay_bills import MERCHANT, MerchantBooks
from pipelines.sandbox.world import World
from tests.connectors.stand import Kind, Stand, Truth

NOW = datetime(2026, 6, 30, 1, 45, tzinfo=UTC)  # 9:45 in Beijing: the bill of yesterday comes within the next half hour
FIRST = date(2026, 6, 15)


@cache
def _books() -> MerchantBooks:
    return MerchantBooks.of(World.generate(800, 7, date(2026, 7, 2), days=60))


@cache
def _keys() -> tuple[face.Keys, Path]:
    keys, folder = face.Keys.make(), Path(tempfile.mkdtemp(prefix="siyu-keys-"))
    keys.write(folder)
    (folder / "other.pem").write_bytes(face.Keys.make().merchant_private)
    return keys, folder


_UNSEEN = {
    **dict.fromkeys(("extra",), "no unknown columns"),
    **dict.fromkeys(
        ("platform_discount_amount", "merchant_discount_amount", "card_amount", "share_amount", "coupon_name"),
        "of Alipay",
    ),
    **dict.fromkeys(("note", "operator_id", "store_id", "base_order_id", "business_order_id"), "of Alipay"),
    **dict.fromkeys(("business_source", "business_description", "trade_channel", "counterparty"), "of Alipay"),
    **dict.fromkeys(("product", "order_id"), "of Alipay, in fund lines"),
    **dict.fromkeys(("created_at", "refunded_at"), "of the bill of refunds"),
    **dict.fromkeys(("sub_account_id", "device_id", "rate_note"), "the shop has no such thing"),
}


def make(seed: int, moving: bool) -> Stand:
    """Bills do not move while they are read; what happens in half an hour is that another one is there."""
    books, (keys, folder) = _books(), _keys()
    clock = [NOW]
    desk = face.BillDesk()
    served = face.WechatPayFace(books, keys, clock=lambda: clock[0], desk=desk)

    def pass_time(span: timedelta) -> None:
        clock[0] += span

    def add_field() -> None:
        desk.edit = lambda text: _widened(text, "brand_new_field")

    def rename_field() -> None:
        desk.edit = lambda text: text.replace("微信订单号", "微信单号", 1).replace("资金流水单号", "流水号", 1)

    options = {
        "merchant_id": MERCHANT,
        "certificate_serial": face.SERIAL,
        "key_file": str(folder / "apiclient_key.pem"),
        "platform_key_file": str(folder / "pub_key.pem"),
        "platform_key_id": face.PLATFORM_KEY_ID,
        "requests_per_second": 0,
        "starts_on": FIRST.isoformat(),
        "bills": "trade_bills,fund_bills,operation_fund_bills,fees_fund_bills",  # the last two never have one
    }
    return Stand(
        system="wechat_pay",
        app=face.create_app(served),
        path="",
        dialect=face.DIALECT,
        options=options,
        bad_options={
            "key": ({"key_file": str(folder / "other.pem")}, "check that certificate_serial"),
            "serial": ({"certificate_serial": "0" * 40}, "check that certificate_serial"),
            "platform key": ({"platform_key_id": "PUB_KEY_ID_OTHER"}, "platform_key_id"),
        },
        now=NOW,
        truth=lambda: _truth(books, last_day(clock[0])),
        change=lambda _: None,  # the next bill comes by itself
        pass_time=pass_time,
        calm=lambda: None,
        add_field=add_field,
        rename_field=rename_field,
        secrets=(keys.merchant_private.decode()[100:160],),
        unseen=_UNSEEN,
    )


def last_day(now: datetime) -> date:
    """The last day whose bill is there."""
    there = now.astimezone(ZoneInfo("Asia/Shanghai"))
    return there.date() - timedelta(days=1 if there.hour >= 10 else 2)


def _widened(text: str, name: str) -> str:
    """A column more in the table; the closing lines stay as they are."""
    lines = text.rstrip("\r\n").split("\r\n")
    return "\r\n".join([f"{lines[0]},{name}", *(f"{line},`x" for line in lines[1:-2]), *lines[-2:], ""])


def _truth(books: MerchantBooks, last: date) -> Truth:
    """Every payment, refund and movement of the days, read without the connector's code."""

    def lines(frame: pl.DataFrame, kind: str, moment: str, number: str, sign: int) -> pl.DataFrame:
        return frame.filter(pl.col(moment).dt.date().is_between(FIRST, last)).select(
            pl.lit("wechat_pay").alias("channel"),
            pl.lit(MERCHANT).alias("account_id"),
            pl.lit(kind).alias("kind"),
            pl.col("transaction_id"),
            pl.col(number).alias("entry_id"),
            pl.lit(1, dtype=pl.Int64).alias("occurrence"),
            (pl.col("amount") * sign).alias("amount"),
            (pl.col("fee") * -sign).alias("fee_amount"),
            pl.col("openid").alias("payer_id"),
            (pl.col(moment) - timedelta(hours=8)).alias("occurred_at"),
        )

    moved = books.movements.filter(pl.col("at").dt.date().is_between(FIRST, last))
    return {
        "payment_bill_lines": pl.concat(
            [
                lines(books.payments, "payment", "paid_at", "transaction_id", 1),
                lines(books.refunds, "refund", "at", "refund_no", -1),
            ]
        ),
        "fund_lines": moved.select(
            pl.lit("wechat_pay").alias("channel"),
            pl.lit(MERCHANT).alias("account_id"),
            pl.lit("BASIC").alias("account_type"),
            pl.col("flow_id").alias("entry_id"),
            pl.lit(1, dtype=pl.Int64).alias("occurrence"),
            pl.when(pl.col("direction") == "收入").then("amount").otherwise(-pl.col("amount")).alias("amount"),
            pl.col("balance").alias("balance_after"),
            (pl.col("at") - timedelta(hours=8)).alias("occurred_at"),
        ),
    }


WECHAT_PAY = Kind("wechat_pay", make)
