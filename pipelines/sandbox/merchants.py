"""The full company's accounts at payment channels: which payments and refunds stand on whose bills.

An account settles in one currency, so that the company has one for each at either channel. Every part of its people
has accounts of its own: a bill is delivered whole, and parts are delivered by themselves. Banknotes have no bill.
"""

import polars as pl

from pipelines.sandbox import premises
from pipelines.sandbox.full import FullWorld
from pipelines.sources.bills.amounts import per_minor

WECHAT_PAY, ALIPAY = "wechat_pay", "alipay"
_FORMS = {WECHAT_PAY: "19{part:04d}55{currency}", ALIPAY: "20885000{part:04d}55{currency}"}
_NUMBERS = {currency: f"{number:02d}" for number, currency in enumerate(premises.MINOR, start=1)}


def account(channel: str, currency: str, part: int = 0) -> str:
    """The account of a part of the people at a channel in a currency. Raises KeyError for a currency that the company
    does not sell in."""
    return _FORMS[channel].format(part=part, currency=_NUMBERS[currency])


def _accounts(part: int) -> pl.DataFrame:
    rows = [
        {"channel": channel, "currency": currency, "account_id": account(channel, currency, part)}
        for channel in _FORMS
        for currency in _NUMBERS
    ]
    return pl.DataFrame(rows)


def payments(full: FullWorld) -> pl.DataFrame:
    """One row per payment on a bill (transaction_id): channel, account_id, app_id, trade_type (of WeChat Pay; null
    elsewhere), order_id, store_id, payer, product (name of the first line), currency, amount, fee (minor units, what
    the company pays), fee_e5 (1e-5 of the currency), paid_at."""
    first = full.world.order_lines.filter(pl.col("line_no") == 1).select(
        "order_id", "store_id", pl.col("product_name").alias("product")
    )
    platforms = full.company.shops.select("store_id", "platform")
    by_wechat = pl.col("channel") == WECHAT_PAY
    on_line = pl.col("platform").is_not_null()
    return (
        full.payments.join(_accounts(full.part), on=["channel", "currency"], maintain_order="left")
        .join(first, on=["order_id", "store_id"], how="left", maintain_order="left")
        .join(platforms, on="store_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(by_wechat).then(pl.lit(premises.MINI_PROGRAM)).alias("app_id"),
            pl.when(by_wechat & on_line)
            .then(pl.lit("JSAPI"))
            .when(by_wechat)
            .then(pl.lit("MICROPAY"))
            .alias("trade_type"),
            (pl.col("fee") * per_minor(pl.col("currency"))).alias("fee_e5"),
        )
        .drop("platform", "person_id")
    )


def given_back(full: FullWorld, paid: pl.DataFrame) -> pl.DataFrame:
    """One row per refund of the payments ``paid`` (refund_no): the columns of ``payments`` with what went back as
    amount, its share of the fee, which comes back too, refund_id and refunded_at."""
    back = full.world.refunds.select("order_id", "store_id", "refund_id", "refund_amount", "refunded_at")
    whole = pl.col("amount")
    share = (pl.col("fee") * pl.col("refund_amount") * 2 + whole) // (whole * 2)
    return (
        back.join(paid.drop("paid_at", "fee_e5"), on=["order_id", "store_id"], maintain_order="left")
        .with_columns(("5030" + pl.col("refund_id").str.slice(1)).alias("refund_no"), share.alias("fee"))
        .with_columns(
            pl.col("refund_amount").alias("amount"),
            (pl.col("fee") * per_minor(pl.col("currency"))).alias("fee_e5"),
        )
        .drop("refund_amount")
    )
