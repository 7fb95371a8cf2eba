"""Orders, refunds and payments as the platforms' own connectors would have landed them: Taobao, Youzan, bills of WeChat
Pay and Alipay. What stands here does not come through a file as well.
"""

import polars as pl

from pipelines.sandbox.browsing import BEIJING_SECONDS
from pipelines.sandbox.full import FullWorld

PLATFORMS = ("taobao", "youzan")
_CLIENT, _MERCHANTS = "yz5ea50n", {"wechat_pay": "1900005501", "alipay": "2088500000005501"}
_TAOBAO_STATES = {
    "finished": "TRADE_FINISHED",
    "shipped": "WAIT_BUYER_CONFIRM_GOODS",
    "unpaid": "TRADE_CLOSED_BY_TAOBAO",
    "cancelled": "TRADE_CLOSED_BY_TAOBAO",
}
_YOUZAN_STATES = {
    "finished": "TRADE_SUCCESS",
    "shipped": "WAIT_BUYER_CONFIRM_GOODS",
    "unpaid": "TRADE_CLOSED",
    "cancelled": "TRADE_CLOSED",
}


def platforms(full: FullWorld) -> dict[str, pl.DataFrame]:
    """Frames by dataset."""
    return _taobao(full) | _youzan(full) | {"payment_bill_lines": _payment_lines(full)}


def _trades(full: FullWorld, platform: str) -> pl.DataFrame:
    """Orders of a platform with their parcel, the sums of their lines, and their last change, a refund among them."""
    of_lines = full.world.order_lines.group_by("order_id", "store_id", maintain_order=True).agg(
        pl.col("paid_amount").sum().alias("payment"),
        (pl.col("unit_price") * pl.col("quantity")).sum().alias("total_fee"),
        pl.col("discount").sum().alias("discount_fee"),
    )
    given_back = full.world.refunds.group_by("order_id", "store_id").agg(pl.col("refunded_at").max())
    orders = full.world.orders.select("order_id", "store_id", "status", "ordered_at", "paid_at")
    keys = ["order_id", "store_id"]
    return (
        full.deliveries.filter(pl.col("platform") == platform)
        .join(orders, on=keys, maintain_order="left")
        .join(of_lines, on=keys, maintain_order="left")
        .join(given_back, on=keys, how="left", maintain_order="left")
        .with_columns(
            pl.max_horizontal("modified_at", "refunded_at").alias("modified_at"),
            pl.col("store_id").alias("shop_id"),
            pl.col("order_id").alias("tid"),
            pl.col("ordered_at").alias("created_at"),
            pl.col("shipped_at").alias("consigned_at"),
        )
    )


def _lines(full: FullWorld, trades: pl.DataFrame) -> pl.DataFrame:
    """Lines of these trades; a line's number is the trade's with two digits more."""
    own = full.world.order_lines.join(
        trades.select("order_id", "store_id", "shop_id", "tid", "modified_at", "status", "created_at"),
        on=["order_id", "store_id"],
        maintain_order="left",
    )
    price = (pl.col("unit_price").cast(pl.Decimal(18, 6)) / 100).cast(pl.Decimal(18, 6))
    return own.with_columns(
        (pl.col("tid") + pl.col("line_no").cast(pl.String).str.zfill(2)).alias("oid"),
        pl.col("product_name").alias("title"),
        pl.col("quantity").alias("num"),
        price.alias("price"),
        pl.col("paid_amount").alias("payment"),
        pl.col("paid_amount").alias("total_fee"),
    )


def _refunds(full: FullWorld, trades: pl.DataFrame) -> pl.DataFrame:
    shops = trades.select("store_id", "account_id").unique("store_id", maintain_order=True)
    names = trades.select("order_id", "store_id", "buyer_id")
    number = pl.col("order_line_no").cast(pl.String).str.zfill(2)
    found = full.world.refunds.join(shops, on="store_id", maintain_order="left")
    return found.join(names, on=["order_id", "store_id"], how="left", maintain_order="left").with_columns(
        pl.col("store_id").alias("shop_id"),
        pl.col("order_id").alias("tid"),
        (pl.col("order_id") + number).alias("oid"),
        pl.lit("SUCCESS").alias("status"),
        pl.col("refund_amount").alias("refund_fee"),
        (pl.col("refunded_at") - pl.duration(hours=6)).alias("created_at"),
        pl.col("refunded_at").alias("modified_at"),
        pl.col("quantity").is_not_null().alias("comes_back"),
    )


def _taobao(full: FullWorld) -> dict[str, pl.DataFrame]:
    trades = _trades(full, "taobao").with_columns(pl.col("status").replace_strict(_TAOBAO_STATES).alias("status"))
    week = pl.col("ordered_at").dt.strftime("%G%V")
    refunds = _refunds(full, trades).with_columns(
        pl.col("account_id").alias("app_key"),
        pl.col("buyer_id").alias("buyer_open_uid"),
        pl.lit("aftersale").alias("refund_phase"),
        pl.col("comes_back").alias("has_good_return"),
    )
    settled = refunds.select("tid", "oid", pl.col("refund_id").alias("of_line")).drop_nulls("oid")
    lines = _lines(full, trades).with_columns(
        pl.col("product_id").alias("outer_iid"), pl.col("paid_amount").alias("divide_order_fee")
    )
    return {
        "taobao_trades": trades.with_columns(
            pl.col("account_id").alias("app_key"),
            pl.lit("fixed").alias("trade_type"),
            pl.col("buyer_id").alias("buyer_open_uid"),
            # Another one every week: whoever takes it for a key splits a person.
            pl.format("1!{}{}{}", "account_id", week, pl.col("receiver_person_id").str.slice(1)).alias("oaid"),
            pl.col("masked_name").alias("receiver_name"),
            pl.col("masked_phone").alias("receiver_mobile"),
            pl.col("province").alias("receiver_state"),
            pl.col("city").alias("receiver_city"),
            pl.col("district").alias("receiver_district"),
            pl.col("masked_detail").alias("receiver_address"),
            pl.lit(None, dtype=pl.String).alias("receiver_phone"),
            pl.lit(0, dtype=pl.Int64).alias("post_fee"),
            pl.when(pl.col("paid_at").is_not_null()).then("payment").alias("received_payment"),
            pl.col("received_at").alias("ended_at"),
        ),
        "taobao_trade_lines": lines.join(settled, on=["tid", "oid"], how="left", maintain_order="left").with_columns(
            pl.col("of_line").alias("refund_id"),
            pl.when(pl.col("of_line").is_not_null())
            .then(pl.lit("SUCCESS"))
            .otherwise(pl.lit("NO_REFUND"))
            .alias("refund_status"),
        ),
        "taobao_refunds": refunds,
    }


def _youzan(full: FullWorld) -> dict[str, pl.DataFrame]:
    openids = full.accounts.select("person_id", pl.col("mall_openid").alias("outer_user_id"))
    trades = _trades(full, "youzan").with_columns(pl.col("status").replace_strict(_YOUZAN_STATES).alias("status"))
    refunds = _refunds(full, trades).with_columns(
        pl.lit(_CLIENT).alias("client_id"),
        pl.col("account_id").alias("kdt_id"),
        pl.lit("1").alias("refund_kind"),
        pl.lit("BUYER_APPLY_REFUND").alias("refund_type"),
        pl.lit("1").alias("demand"),
        pl.col("comes_back").alias("return_goods"),
        pl.lit(None, dtype=pl.String).alias("reason"),
    )
    return {
        "youzan_trades": trades.join(openids, on="person_id", maintain_order="left").with_columns(
            pl.lit(_CLIENT).alias("client_id"),
            pl.col("account_id").alias("node_kdt_id"),
            pl.col("buyer_id").alias("yz_open_id"),
            pl.col("province").alias("delivery_province"),
            pl.col("city").alias("delivery_city"),
            pl.col("district").alias("delivery_district"),
            # Names, phones and streets are ciphers of the shop there; what a cipher says is not ours to invent.
            pl.lit(None, dtype=pl.String).alias("receiver_name"),
            pl.when(pl.col("refunded_at").is_null()).then(pl.lit("0")).otherwise(pl.lit("2")).alias("refund_state"),
            pl.col("received_at").alias("succeeded_at"),
        ),
        "youzan_trade_lines": _lines(full, trades).with_columns(
            pl.col("product_id").alias("outer_item_id"), pl.lit(False).alias("is_present")
        ),
        "youzan_refunds": refunds,
        "youzan_refund_details": refunds.drop_nulls("oid"),
    }


def _payment_lines(full: FullWorld) -> pl.DataFrame:
    """Lines of trade bills: payments, and refunds of what was paid so."""
    paid = full.payments.filter(pl.col("channel") != "cash").with_columns(
        pl.lit("payment").alias("kind"),
        pl.col("transaction_id").alias("entry_id"),
        pl.lit("SUCCESS").alias("trade_status"),
        (-pl.col("fee") * 1_000).alias("fee_e5"),
        (-pl.col("fee")).alias("fee_amount"),
        pl.col("paid_at").alias("occurred_at"),
        pl.lit(None, dtype=pl.String).alias("refund_id"),
        pl.lit(None, dtype=pl.String).alias("refund_status"),
    )
    back = full.world.refunds.select("order_id", "store_id", "refund_id", "refund_amount", "refunded_at")
    whole = pl.col("amount")
    share = (pl.col("fee") * pl.col("refund_amount") * 2 + whole) // (whole * 2)
    refunded = (
        paid.drop("refund_id", "refund_status")
        .join(back, on=["order_id", "store_id"], maintain_order="left_right")
        .with_columns(
            pl.lit("refund").alias("kind"),
            pl.lit("REFUND").alias("trade_status"),
            ("5030" + pl.col("refund_id").str.slice(1)).alias("entry_id"),
            pl.col("refunded_at").alias("occurred_at"),
            share.alias("fee_amount"),
            (share * 1_000).alias("fee_e5"),
            (-pl.col("refund_amount")).alias("amount"),
            pl.lit("SUCCESS").alias("refund_status"),
        )
        .drop("refund_amount", "refunded_at")
        .select(paid.columns)
    )
    account = pl.col("channel").replace_strict(_MERCHANTS, return_dtype=pl.String)
    day = (pl.col("occurred_at") + pl.duration(seconds=BEIJING_SECONDS)).dt.date()
    return pl.concat([paid, refunded]).with_columns(
        account.alias("account_id"),
        day.alias("bill_date"),
        pl.format("{}:{}:trade:{}", "channel", account, day.dt.strftime("%Y-%m-%d")).alias("bill_id"),
        pl.lit(1, dtype=pl.Int64).alias("occurrence"),
        pl.col("payer").alias("payer_id"),
        pl.col("amount").alias("order_amount"),
    )
