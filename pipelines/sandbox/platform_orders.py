"""What Taobao and Youzan hold of the full company's orders: trades, their lines and refunds, in the platforms' words.

Their faces serve it, and what is landed without an interface is made of it. A trade stands in its last state at the end
of the window: who does not pay within a day has it closed, what is paid and not sent yet waits for the seller.
"""

from datetime import timedelta

import polars as pl

from pipelines.sandbox.browsing import BEIJING_SECONDS
from pipelines.sandbox.channels import ACCOUNTS
from pipelines.sandbox.delivering import BUYER_OF
from pipelines.sandbox.full import FullWorld

PLATFORMS = ("taobao", "youzan")
#: An unpaid trade is closed by the platform after the first, one that the buyer gives up after the second.
UNPAID_CLOSES_AFTER, GIVEN_UP_AFTER = timedelta(days=1), timedelta(minutes=30)
#: Youzan's numbers of the reasons for which something goes back.
YOUZAN_REASONS = {"七天无理由": 5, "质量问题": 11, "发错货": 15, "不喜欢": 6, "包装破损": 13}
_KEYS = ["order_id", "store_id"]


def trades(full: FullWorld, platform: str) -> pl.DataFrame:
    """One row per trade (order_id, store_id), in the order of the parcels: account_id, person_id, nick (masked),
    buyer_id, receiver_person_id, the receiver and the masks as in ``full.deliveries``, status (the company's word),
    ordered_at, paid_at, shipped_at, received_at, closed_at (not paid), refunded_at, modified_at (naive UTC), payment,
    total_fee (before discounts), discount_fee, refunded (fen; refunds of its lines)."""
    of_lines = full.world.order_lines.group_by(_KEYS, maintain_order=True).agg(
        pl.col("paid_amount").sum().alias("payment"),
        (pl.col("unit_price") * pl.col("quantity")).sum().alias("total_fee"),
        pl.col("discount").sum().alias("discount_fee"),
    )
    given_back = full.world.refunds.group_by(_KEYS).agg(
        pl.col("refunded_at").max(), pl.col("refund_amount").sum().alias("refunded")
    )
    orders = full.world.orders.select(*_KEYS, "status", "ordered_at", "paid_at", "buyer_phone")
    waits = pl.when(pl.col("status") == "unpaid").then(pl.lit(UNPAID_CLOSES_AFTER))
    closes = pl.col("ordered_at") + waits.when(pl.col("status") == "cancelled").then(pl.lit(GIVEN_UP_AFTER))
    ended = pl.lit(full.world.ends_on).cast(pl.Datetime("us")) + pl.duration(seconds=86_400 - BEIJING_SECONDS)
    return (
        full.deliveries.filter(pl.col("platform") == platform)
        .drop("modified_at")
        .join(orders, on=_KEYS, maintain_order="left")
        .join(of_lines, on=_KEYS, maintain_order="left")
        .join(given_back, on=_KEYS, how="left", maintain_order="left")
        .join(_nicks(full), on="person_id", maintain_order="left")
        .with_columns(pl.when(closes < ended).then(closes).alias("closed_at"), pl.col("refunded").fill_null(0))
        .with_columns(
            pl.max_horizontal("ordered_at", "paid_at", "shipped_at", "received_at", "closed_at", "refunded_at").alias(
                "modified_at"
            )
        )
    )


def paid_by(full: FullWorld) -> pl.DataFrame:
    """One row per paid trade of Youzan: order_id, store_id, transaction_id (WeChat's or Alipay's)."""
    return full.payments.select(*_KEYS, "transaction_id")


def _nicks(full: FullWorld) -> pl.DataFrame:
    return full.world.people.select("person_id", (pl.col("name").str.slice(0, 1) + "**").alias("nick"))


def taobao_state() -> pl.Expr:
    """The state of a row of ``trades`` on Taobao."""
    return _state("TRADE_FINISHED", "TRADE_CLOSED_BY_TAOBAO")


def youzan_state() -> pl.Expr:
    """The state of a row of ``trades`` at Youzan, where a trade that went back whole is closed."""
    return pl.when(gone_back()).then(pl.lit("TRADE_CLOSED")).otherwise(_state("TRADE_SUCCESS", "TRADE_CLOSED"))


def gone_back() -> pl.Expr:
    """Whether all that was paid for a row of ``trades`` went back."""
    return (pl.col("payment") > 0) & (pl.col("refunded") >= pl.col("payment"))


def youzan_refund_state() -> pl.Expr:
    """0 nothing, 2 a part, 12 all of a row of ``trades`` went back."""
    return pl.when(gone_back()).then(12).when(pl.col("refunded") > 0).then(2).otherwise(0)


def youzan_close_type() -> pl.Expr:
    """Why a row of ``trades`` was closed: 0 it was not, 1 nobody paid in time, 2 it went back whole, 4 the buyer gave
    it up."""
    gave_up = pl.when(pl.col("status") == "cancelled").then(4).otherwise(1)
    return pl.when(gone_back()).then(2).when(pl.col("closed_at").is_not_null()).then(gave_up).otherwise(0)


def received() -> pl.Expr:
    """What Taobao has paid out to the seller of a row of ``trades``, fen: once it is finished, what was not given
    back."""
    return pl.when(pl.col("received_at").is_not_null()).then(pl.col("payment") - pl.col("refunded")).otherwise(0)


def _state(finished: str, closed: str) -> pl.Expr:
    return (
        pl.when(pl.col("closed_at").is_not_null())
        .then(pl.lit(closed))
        .when(pl.col("paid_at").is_null())
        .then(pl.lit("WAIT_BUYER_PAY"))
        .when(pl.col("received_at").is_not_null())
        .then(pl.lit(finished))
        .when(pl.col("shipped_at").is_not_null())
        .then(pl.lit("WAIT_BUYER_CONFIRM_GOODS"))
        .otherwise(pl.lit("WAIT_SELLER_SEND_GOODS"))
    )


def oaid() -> pl.Expr:
    """Taobao's cipher of the receiver of a row of ``trades``: another one in every shop, application and week of
    Beijing, so that whoever takes it for a key splits a person."""
    moment = pl.col("ordered_at") + pl.duration(seconds=BEIJING_SECONDS)
    week = moment.dt.iso_year().cast(pl.Int64) * 100 + moment.dt.week().cast(pl.Int64)
    person = pl.col("receiver_person_id").str.slice(1).cast(pl.Int64)
    # An odd multiplier of its own for every week and application: nothing of the person is left to see.
    factor = (week * 618_037 + pl.col("account_id").cast(pl.Int64) * 104_729) % 999_983 * 2 + 1
    mixed = (person + 7_919) * factor % 1_000_000_000_039
    return pl.format("1!{}{}", week, mixed.cast(pl.String).str.zfill(13))


def lines(full: FullWorld, of: pl.DataFrame) -> pl.DataFrame:
    """One row per line of the trades ``of``: the world's columns, oid, total_fee (after the line's discount, fen),
    refund_id (its newest; null: none) and of its trade state, ordered_at, modified_at. ``of``: with state."""
    newest = (
        full.world.refunds.drop_nulls("order_line_no")
        .sort("refunded_at", "refund_id", maintain_order=True)
        .select(*_KEYS, pl.col("order_line_no").alias("line_no"), "refund_id")
        .unique([*_KEYS, "line_no"], keep="last", maintain_order=True)
    )
    return (
        full.world.order_lines.join(
            of.select(*_KEYS, "state", "ordered_at", "modified_at"), on=_KEYS, maintain_order="left"
        )
        .join(newest, on=[*_KEYS, "line_no"], how="left", maintain_order="left")
        .with_columns(oid("line_no"), pl.col("paid_amount").alias("total_fee"))
    )


def refunds(full: FullWorld, platform: str) -> pl.DataFrame:
    """One row per refund of the platform's shops: the world's columns, account_id, platform, oid, buyer_id, nick,
    comes_back, line_amount (fen paid for the line; what went back, of a trade from before the window), requested_at.

    Of such a trade the world does not say the line; the platform names one, and it is the first."""
    shops = full.company.shops.filter(pl.col("platform") == platform).select("store_id", "platform", "account_id")
    names = [name for name in BUYER_OF.values() if ACCOUNTS[name][1] in set(shops["account_id"])]
    owned = full.accounts.select("person_id", *names)
    sold = full.world.order_lines.select(
        *_KEYS, pl.col("line_no").alias("order_line_no"), pl.col("paid_amount").alias("line_amount")
    )
    buyer = pl.coalesce(pl.when(pl.col("account_id") == ACCOUNTS[name][1]).then(name) for name in names)
    return (
        full.world.refunds.join(shops, on="store_id", maintain_order="left")
        .join(owned, on="person_id", maintain_order="left")
        .join(_nicks(full), on="person_id", maintain_order="left")
        .join(sold, on=[*_KEYS, "order_line_no"], how="left", maintain_order="left")
        .with_columns(
            buyer.alias("buyer_id"),
            pl.col("order_line_no").fill_null(1),
            pl.col("line_amount").fill_null(pl.col("refund_amount")),
            pl.col("quantity").is_not_null().alias("comes_back"),
            (pl.col("refunded_at") - pl.duration(hours=6)).alias("requested_at"),
        )
        .with_columns(oid("order_line_no"))
        .drop(names)
    )


def oid(line_no: str) -> pl.Expr:
    """A line's number: the trade's with two digits more, digits alone at Youzan, whose trades begin with a letter."""
    return (pl.col("order_id").str.strip_prefix("E") + pl.col(line_no).cast(pl.String).str.zfill(2)).alias("oid")
