"""Lines of Alipay's bills: trade (业务明细, 25 or 27 columns) and account (账务明细, 12 columns and more).

A refund repeats the numbers of its payment; its own is 退款批次号/请求号. Amounts of refunds and fees that the company
pays are printed negative. Account and days stand in the lines before the table.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.sources.bills.amounts import rounded_minor, whole_minor
from pipelines.sources.bills.lines import (
    YUAN,
    Lines,
    cell,
    flagged,
    money,
    not_whole,
    scientific,
    untimed,
    utc,
)
from pipelines.sources.bills.reading import BillText

CHANNEL = "alipay"
_KINDS = {"交易": "payment", "退款": "refund"}
_FUND_KINDS = {
    "交易付款": "payment",
    "在线支付": "payment",
    "当面付": "payment",
    "交易": "payment",
    "交易退款": "refund",
    "退款": "refund",
    "退款（交易退款）": "refund",
    "收费": "fee",
    "服务费": "fee",
    "退费": "fee_return",
    "分账": "split",
    "交易分账": "split",
    "退分账": "split_return",
    "提现": "withdrawal",
    "充值": "deposit",
    "转账": "transfer",
}
_ACCOUNT = re.compile(r"^#账号:\s*\[\s*([^\]\s]+)\s*\]")
_DAYS = re.compile(r"起始日期:\s*\[([^\]]+)\]\s*终止日期:\s*\[([^\]]+)\]")
_MOMENT = "%Y年%m月%d日 %H:%M:%S"


def account_of(bill: BillText) -> tuple[str, ...]:
    """The account that the lines before the table name."""
    found = (_ACCOUNT.match(unicodedata.normalize("NFKC", line)) for line in bill.before)
    return tuple(match[1] for match in found if match)


def days_of(bill: BillText) -> tuple[date, date] | None:
    """First and last day of the bill; its end at midnight is not part of it. None when the bill does not say."""
    for line in bill.before:
        match = _DAYS.search(unicodedata.normalize("NFKC", line))
        if match:
            first, last = (datetime.strptime(part.strip(), _MOMENT) for part in match.groups())  # noqa: DTZ007 - civil
            return first.date(), max(first.date(), (last - timedelta(seconds=1)).date())
    return None


#: Amounts of the contract → what ``_with_amounts`` calls them.
_AMOUNTS = {
    "amount": "a",
    "order_amount": "o",
    "coupon_amount": "c",
    "platform_discount_amount": "p",
    "merchant_discount_amount": "m",
    "card_amount": "k",
    "share_amount": "s",
}


def payments(bill: BillText, e5: pl.DataFrame) -> Lines:
    """Lines of a trade bill as ``payment_bill_lines``."""
    read = _with_amounts(bill, e5)
    frame = read.select(
        *("kind", "transaction_id", "order_id", "refund_id"),
        *(cell(bill, name) for name in ("sub_account_id", "store_id", "operator_id", "device_id", "payer_id")),
        *(cell(bill, name) for name in ("product", "coupon_name", "note")),
        pl.col("kind_text").alias("trade_status"),
        pl.when(pl.col("kind") == "refund")
        .then(pl.coalesce("refund_id", "transaction_id"))
        .otherwise("transaction_id")
        .alias("entry_id"),
        "extra",
        "currency",
        *(whole_minor(pl.col(short), pl.col("currency")).alias(name) for name, short in _AMOUNTS.items()),
        rounded_minor(pl.col("f"), pl.col("currency")).alias("fee_amount"),
        pl.col("f").alias("fee_e5"),
        pl.col("at").alias("occurred_at"),
        pl.col("created").alias("created_at"),
        "_row",
        "_raw",
    )
    problems = (
        *flagged(read, "kind", "the type is not known: it is neither 交易 nor 退款", pl.col("kind").is_null(),
                 pl.col("kind_text")),
        *untimed(read, "occurred_at", "at", "traded_at"),
        *scientific(read, ("transaction_id", "order_id", "refund_id")),
        *not_whole(read, _AMOUNTS, {"a": "settled", "o": "order"}),
    )  # fmt: skip
    return Lines(frame, problems, account_of(bill), YUAN)


def _with_amounts(bill: BillText, e5: pl.DataFrame) -> pl.DataFrame:
    """Adds the kind, the times and the amounts in 1e-5."""

    def total(*names: str) -> pl.Expr:
        return pl.sum_horizontal(money(e5, name).fill_null(0) for name in names)

    return e5.with_columns(
        pl.col("kind_text").replace_strict(_KINDS, default=None, return_dtype=pl.String).alias("kind"),
        pl.lit(YUAN).alias("currency"),
        utc(pl.col("traded_at")).alias("at"),
        utc(cell(bill, "created_at")).alias("created"),
        money(e5, "settled").alias("a"),
        money(e5, "order").alias("o"),
        money(e5, "coupon").alias("c"),
        total("red_packet", "points", "platform_discount").alias("p"),
        total("merchant_discount", "merchant_red_packet").alias("m"),
        money(e5, "card").alias("k"),
        money(e5, "share").alias("s"),
        money(e5, "fee").fill_null(0).alias("f"),
    )


def funds(bill: BillText, e5: pl.DataFrame) -> Lines:
    """Lines of an account bill as ``fund_lines``."""
    read = e5.with_columns(
        pl.lit(YUAN).alias("currency"),
        (money(e5, "income").fill_null(0) - money(e5, "expense").fill_null(0).abs()).alias("a"),
        money(e5, "balance").alias("b"),
        utc(pl.col("traded_at")).alias("at"),
    )
    kind = pl.col("business_type").replace_strict(_FUND_KINDS, default="other", return_dtype=pl.String)
    names = ("transaction_id", "order_id", "base_order_id", "business_order_id", "counterparty", "business_type")
    more = ("business_source", "business_description", "trade_channel", "product", "note")
    frame = read.select(
        "entry_id",
        *(cell(bill, name) for name in (*names, *more)),
        kind.alias("kind"),
        "extra",
        "currency",
        whole_minor(pl.col("a"), pl.col("currency")).alias("amount"),
        whole_minor(pl.col("b"), pl.col("currency")).alias("balance_after"),
        pl.col("at").alias("occurred_at"),
        "_row",
        "_raw",
    )
    problems = (
        *untimed(read, "occurred_at", "at", "traded_at"),
        *scientific(read, ("entry_id", "transaction_id", "order_id")),
        *not_whole(read, {"amount": "a", "balance_after": "b"}, {"b": "balance"}),
    )
    return Lines(frame, problems, account_of(bill), YUAN)
