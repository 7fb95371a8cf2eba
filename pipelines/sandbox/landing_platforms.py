"""Orders, refunds and payments as the platforms' own connectors would have landed them: Taobao, Youzan, bills of WeChat
Pay and Alipay. What stands here does not come through a file as well.
"""

import hashlib

import polars as pl

from pipelines.sandbox import merchants, platform_orders
from pipelines.sandbox.browsing import BEIJING_SECONDS
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.platform_orders import PLATFORMS, YOUZAN_REASONS
from pipelines.sandbox.premises import YOUZAN_CLIENT

__all__ = ["PLATFORMS", "bills_of", "platforms"]

#: Names of files: of WeChat Pay as its connector calls a day's bill, of Alipay as the member of the archive is called.
_FILES = {
    merchants.WECHAT_PAY: ("trade_bills-{}.csv", "%Y-%m-%d"),
    merchants.ALIPAY: ("{}0156_{}_业务明细.csv", "%Y%m%d"),
}


def platforms(full: FullWorld) -> dict[str, pl.DataFrame]:
    """Frames by dataset."""
    lines = _payment_lines(full)
    return _taobao(full) | _youzan(full) | {"bills": bills_of(lines), "payment_bill_lines": lines}


def _trades(full: FullWorld, platform: str, state: pl.Expr) -> pl.DataFrame:
    """Trades under the names that both platforms' contracts share."""
    return platform_orders.trades(full, platform).with_columns(
        state.alias("state"),
        pl.col("store_id").alias("shop_id"),
        pl.col("order_id").alias("tid"),
        pl.col("ordered_at").alias("created_at"),
        pl.col("shipped_at").alias("consigned_at"),
        pl.lit(0, dtype=pl.Int64).alias("post_fee"),
    )


def _lines(full: FullWorld, trades: pl.DataFrame) -> pl.DataFrame:
    price = (pl.col("unit_price").cast(pl.Decimal(18, 6)) / 100).cast(pl.Decimal(18, 6))
    return platform_orders.lines(full, trades).with_columns(
        pl.col("store_id").alias("shop_id"),
        pl.col("order_id").alias("tid"),
        pl.col("state").alias("status"),
        pl.col("product_name").alias("title"),
        pl.col("quantity").alias("num"),
        price.alias("price"),
        pl.col("paid_amount").alias("payment"),
    )


def _refunds(full: FullWorld, platform: str) -> pl.DataFrame:
    return platform_orders.refunds(full, platform).with_columns(
        pl.col("store_id").alias("shop_id"),
        pl.col("order_id").alias("tid"),
        pl.lit("SUCCESS").alias("status"),
        pl.col("refund_amount").alias("refund_fee"),
        pl.col("requested_at").alias("created_at"),
        pl.col("refunded_at").alias("modified_at"),
    )


def _taobao(full: FullWorld) -> dict[str, pl.DataFrame]:
    trades = _trades(full, "taobao", platform_orders.taobao_state())
    nothing = pl.lit(0, dtype=pl.Int64)
    lines = _lines(full, trades).with_columns(
        pl.col("product_id").alias("outer_iid"),
        pl.col("paid_amount").alias("divide_order_fee"),
        nothing.alias("part_mjz_discount"),
        pl.col("discount").alias("discount_fee"),
        pl.when(pl.col("refund_id").is_not_null())
        .then(pl.lit("SUCCESS"))
        .otherwise(pl.lit("NO_REFUND"))
        .alias("refund_status"),
    )
    return {
        "taobao_trades": trades.with_columns(
            pl.col("state").alias("status"),
            pl.col("account_id").alias("app_key"),
            pl.lit("fixed").alias("trade_type"),
            pl.col("buyer_id").alias("buyer_open_uid"),
            pl.col("nick").alias("buyer_nick"),
            platform_orders.oaid().alias("oaid"),
            pl.col("masked_name").alias("receiver_name"),
            pl.col("masked_phone").alias("receiver_mobile"),
            pl.col("province").alias("receiver_state"),
            pl.col("city").alias("receiver_city"),
            pl.col("district").alias("receiver_district"),
            pl.col("masked_detail").alias("receiver_address"),
            pl.lit(None, dtype=pl.String).alias("receiver_phone"),
            nothing.alias("adjust_fee"),
            platform_orders.received().alias("received_payment"),
            pl.coalesce("received_at", "closed_at").alias("ended_at"),
        ),
        "taobao_trade_lines": lines,
        "taobao_refunds": _refunds(full, "taobao").with_columns(
            pl.col("account_id").alias("app_key"),
            pl.col("buyer_id").alias("buyer_open_uid"),
            pl.col("nick").alias("buyer_nick"),
            pl.lit("aftersale").alias("refund_phase"),
            pl.col("comes_back").alias("has_good_return"),
            pl.col("line_amount").alias("total_fee"),
            (pl.col("line_amount") - pl.col("refund_amount")).alias("payment"),
        ),
    }


def _youzan(full: FullWorld) -> dict[str, pl.DataFrame]:
    trades = _trades(full, "youzan", platform_orders.youzan_state())
    refunds = _refunds(full, "youzan").with_columns(
        pl.lit(YOUZAN_CLIENT).alias("client_id"),
        pl.col("account_id").alias("kdt_id"),
        pl.lit("BUYER_APPLY_REFUND").alias("refund_type"),
        pl.when("comes_back").then(pl.lit("2")).otherwise(pl.lit("1")).alias("demand"),
        pl.col("comes_back").alias("return_goods"),
        pl.col("reason").replace_strict(YOUZAN_REASONS, return_dtype=pl.Int64).cast(pl.String).alias("reason"),
    )
    return {
        # Names, phones and streets are ciphers of the shop there; what a cipher says is not ours to invent. No openid
        # either: nobody knows a WeChat app of this shop.
        "youzan_trades": trades.join(
            platform_orders.paid_by(full), on=["order_id", "store_id"], how="left", maintain_order="left"
        ).with_columns(
            pl.col("state").alias("status"),
            pl.lit(YOUZAN_CLIENT).alias("client_id"),
            pl.lit("wx").alias("platform"),
            pl.col("account_id").alias("node_kdt_id"),
            pl.col("buyer_id").alias("yz_open_id"),
            pl.col("province").alias("delivery_province"),
            pl.col("city").alias("delivery_city"),
            pl.col("district").alias("delivery_district"),
            pl.lit(None, dtype=pl.String).alias("receiver_name"),
            pl.lit(None, dtype=pl.String).alias("buyer_phone"),
            platform_orders.youzan_refund_state().cast(pl.String).alias("refund_state"),
            platform_orders.youzan_close_type().cast(pl.String).alias("close_type"),
            pl.col("transaction_id").alias("outer_transactions"),
            pl.when(pl.col("paid_at").is_not_null()).then("payment").otherwise(0).alias("real_payment"),
            pl.lit(0, dtype=pl.Int64).alias("deduction_pay"),
            pl.col("received_at").alias("succeeded_at"),
        ),
        "youzan_trade_lines": _lines(full, trades).with_columns(
            pl.col("product_id").alias("outer_item_id"),
            pl.lit(False).alias("is_present"),
            pl.col("price").alias("discount_price"),
            # discounts are the order's, not the item's
            (pl.col("unit_price") * pl.col("quantity")).alias("total_fee"),
        ),
        "youzan_refunds": refunds,
        "youzan_refund_details": refunds,
    }


def _payment_lines(full: FullWorld) -> pl.DataFrame:
    """Lines of trade bills: payments, and refunds of what was paid so."""
    of_bills = merchants.payments(full)
    nothing = pl.lit(None, dtype=pl.String)
    paid = of_bills.with_columns(
        pl.lit("payment").alias("kind"),
        pl.col("transaction_id").alias("entry_id"),
        pl.lit("SUCCESS").alias("trade_status"),
        -pl.col("fee"),
        -pl.col("fee_e5"),
        pl.col("paid_at").alias("occurred_at"),
        nothing.alias("refund_id"),
        nothing.alias("platform_refund_id"),
        nothing.alias("refund_status"),
    ).drop("paid_at")
    refunded = merchants.given_back(full, of_bills).with_columns(
        pl.lit("refund").alias("kind"),
        pl.lit("REFUND").alias("trade_status"),
        pl.col("refund_no").alias("entry_id"),
        pl.col("refund_no").alias("platform_refund_id"),
        pl.col("refunded_at").alias("occurred_at"),
        -pl.col("amount"),
        pl.lit("SUCCESS").alias("refund_status"),
    )
    day = (pl.col("occurred_at") + pl.duration(seconds=BEIJING_SECONDS)).dt.date()
    written = day.dt.strftime("%Y-%m-%d")
    by_wechat = pl.col("channel") == merchants.WECHAT_PAY
    kind = pl.when(by_wechat).then(pl.lit("trade_all")).otherwise(pl.lit("trade"))
    return pl.concat([paid, refunded.select(paid.columns)]).with_columns(
        day.alias("bill_date"),
        pl.format("{}:{}:{}:{}:{}", "channel", "account_id", kind, written, written).alias("bill_id"),
        pl.lit(1, dtype=pl.Int64).alias("occurrence"),
        pl.col("payer").alias("payer_id"),
        pl.col("amount").alias("order_amount"),
        pl.col("fee").alias("fee_amount"),
        # WeChat Pay has no stores: theirs is what the company hands over with a payment.
        pl.when(by_wechat).then("store_id").alias("attach"),
        pl.when(~by_wechat).then("store_id").alias("store_id"),
    )


def bills_of(lines: pl.DataFrame) -> pl.DataFrame:
    """The bills on which the lines of a part stand, as ``bills``: one row per account and day, with the sums of its
    lines. No bill was written, so that ``sha256`` is that of its lines."""
    amount = pl.col("amount")
    second = pl.col("occurred_at").dt.epoch("s")
    written = pl.concat_str("kind", "entry_id", second, "currency", "amount", "fee_e5", separator=",")
    bills = (
        lines.group_by("bill_id", "channel", "account_id", "currency", "bill_date", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("lines"),
            amount.filter(amount > 0).sum().alias("income_amount"),
            amount.filter(amount < 0).sum().alias("expense_amount"),
            pl.col("fee_e5").sum(),
            written.str.join("\n").alias("text"),
        )
        .sort("bill_date", "bill_id")
    )
    # a hash a bill, and there are few: as many as days and accounts
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in bills["text"]]
    day = pl.col("bill_date")
    wechat, alipay = (_FILES[channel] for channel in (merchants.WECHAT_PAY, merchants.ALIPAY))
    return bills.with_columns(
        pl.col("bill_id").str.split(":").list.get(2).alias("bill_type"),
        pl.when(pl.col("channel") == merchants.WECHAT_PAY)
        .then(pl.format(wechat[0], day.dt.strftime(wechat[1])))
        .otherwise(pl.format(alipay[0], "account_id", day.dt.strftime(alipay[1])))
        .alias("file"),
        pl.Series("sha256", digests, dtype=pl.String),
        pl.lit(0, dtype=pl.Int64).alias("quarantined_lines"),
        pl.col("lines").alias("declared_lines"),
        day.alias("starts_on"),
        day.alias("ends_on"),
    ).drop("text")
