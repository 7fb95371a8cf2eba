"""What people hold and spend: points, stored-value and count cards, coupons of campaigns; and how orders were paid."""

import numpy as np
import polars as pl

from pipelines.sandbox.behaviour import Life
from pipelines.sandbox.browsing import BEIJING_SECONDS
from pipelines.sandbox.chance import Chance, Ints
from pipelines.sandbox.company import Company
from pipelines.sandbox.households import Settled
from pipelines.sandbox.lessons import moment
from pipelines.sandbox.numbering import serial
from pipelines.sandbox.shopping import MARKETPLACES, Shopping

_SPENDS_POINTS, _STORED_VALUE, _COUNT_CARDS = 0.06, 0.04, 0.35
_COUPON_DAYS = 14
_FEE_PPM = {"wechat_pay": 6_000, "alipay": 6_000, "taobao": 50_000, "jd": 60_000, "douyin": 40_000, "youzan": 10_000}


def totals(shopping: Shopping) -> Ints:
    """Amount paid for every order, in its currency's minor units, in the order of the orders."""
    amounts = np.zeros(shopping.orders.height, dtype=np.int64)
    np.add.at(amounts, shopping.lines["order"].to_numpy(), shopping.lines["paid_amount"].to_numpy())
    return amounts


def points(shopping: Shopping, amounts: Ints, seed: int, part: int) -> pl.DataFrame:
    """One row per entry: entry_id, person_id, member_no, kind, points, balance_after, order_id, store_id, reason,
    occurred_at. A point for every yuan or dollar that a member spends and shows the card for; some are spent later."""
    chance = Chance(seed, "points")
    shown = (shopping.orders["buyer_member_no"].is_not_null() & shopping.orders["paid_at"].is_not_null()).to_numpy()
    row = np.flatnonzero(shown & (amounts >= 100))
    number, paid_at = pl.col("buyer_member_no").alias("member_no"), pl.col("paid_at").alias("occurred_at")
    earned = (
        shopping.orders[row]
        .select("person_id", number, "order_id", "store_id", paid_at)
        .with_columns(
            pl.lit("earned").alias("kind"),
            pl.Series("points", amounts[row] // 100),
            pl.lit("消费积分").alias("reason"),
            pl.lit(0).alias("turn"),
        )
    )
    spent = earned.filter(pl.Series(chance.happens(len(row), _SPENDS_POINTS))).with_columns(
        pl.lit("spent").alias("kind"),
        pl.col("occurred_at") + pl.duration(seconds=30),
        pl.lit("积分抵现").alias("reason"),
        pl.lit(1).alias("turn"),
    )
    entries = pl.concat([earned, spent]).sort("person_id", "occurred_at", "turn", "order_id")
    # Half of what the order earned goes again: the balance never falls below zero.
    moved = pl.when(pl.col("turn") == 1).then(-(pl.col("points") // 2)).otherwise("points")
    counted = entries.with_columns(moved.alias("points")).filter(pl.col("points") != 0)
    return (
        counted.with_columns(pl.col("points").cum_sum().over("person_id").alias("balance_after"))
        .sort("occurred_at", "person_id", "turn", "order_id")
        .select(
            serial("P", part, 8).alias("entry_id"),
            "person_id",
            "member_no",
            "kind",
            "points",
            "balance_after",
            "order_id",
            "store_id",
            "reason",
            "occurred_at",
        )
    )


def cards(
    settled: Settled, shopping: Shopping, amounts: Ints, visits: pl.DataFrame, seed: int, part: int
) -> pl.DataFrame:
    """One row per entry of a card: entry_id, card_id, person_id, name, the identifiers, card_type, kind, currency,
    amount, gift_amount, times, balance_after (money), times_after, store_id, home_store_id, order_id, occurred_at.

    A stored-value card is opened with 500 yuan and 50 given, and pays the person's next orders in stores until it is
    empty; a count card holds ten visits."""
    entries = [_stored_value(settled, shopping, amounts, seed, part), _count(settled, visits, seed, part)]
    both = pl.concat(entries, how="diagonal").sort("occurred_at", "card_id", "kind", "order_id")
    known = both.with_columns(serial("K", part, 7).alias("entry_id"))
    names = settled.known_as(known["person"].to_numpy(), known["day"].to_numpy())
    return pl.concat([known.drop("person", "day"), names], how="horizontal")


def _stored_value(settled: Settled, shopping: Shopping, amounts: Ints, seed: int, part: int) -> pl.DataFrame:
    chance = Chance(seed, "stored value")
    owner = chance.happens(settled.people.height, _STORED_VALUE)
    fits = (
        (shopping.orders["platform"] == "pos")
        & (shopping.orders["currency"] == "CNY")
        & shopping.orders["paid_at"].is_not_null()
    ).to_numpy()
    rows = np.flatnonzero(fits & owner[shopping.orders["person"].to_numpy()])
    person, when = shopping.orders["person"].to_numpy()[rows], shopping.orders["paid_at"].to_numpy()[rows]
    sequence = np.lexsort((rows, when, person))
    rows, person = rows[sequence], person[sequence]
    first = np.concatenate([[True], person[1:] != person[:-1]]) if len(rows) else np.zeros(0, dtype=bool)
    spent = np.cumsum(amounts[rows])
    start = np.maximum.accumulate(np.where(first, spent - amounts[rows], 0)) if len(rows) else spent
    before = np.minimum(spent - amounts[rows] - start, 55_000)
    taken = np.minimum(amounts[rows], 55_000 - before)
    gift = np.where(before + taken > 50_000, np.minimum(before + taken - 50_000, taken), 0)  # given money goes last
    used = (
        shopping.orders[rows]
        .select("person", "day", "store_id", "order_id", pl.col("paid_at").alias("occurred_at"))
        .with_columns(
            pl.lit("used").alias("kind"),
            pl.Series("amount", gift - taken),
            pl.Series("gift_amount", -gift),
            pl.Series("balance_after", 55_000 - before - taken),
        )
    )
    opened = used.filter(pl.Series(first)).with_columns(
        pl.lit("opened").alias("kind"),
        pl.col("occurred_at") - pl.duration(minutes=5),
        pl.lit(50_000, dtype=pl.Int64).alias("amount"),
        pl.lit(5_000, dtype=pl.Int64).alias("gift_amount"),
        pl.lit(55_000, dtype=pl.Int64).alias("balance_after"),
        pl.lit(None, dtype=pl.String).alias("order_id"),
    )
    return pl.concat([opened, used.filter(pl.Series(taken > 0))]).with_columns(
        (pl.lit(f"SV{part:03d}") + pl.col("person").cast(pl.String).str.zfill(6)).alias("card_id"),
        pl.lit("stored_value").alias("card_type"),
        pl.lit("CNY").alias("currency"),
        settled.people["home_store_id"]
        .gather(pl.concat([opened, used.filter(pl.Series(taken > 0))])["person"])
        .alias("home_store_id"),
    )


def _count(settled: Settled, visits: pl.DataFrame, seed: int, part: int) -> pl.DataFrame:
    chance = Chance(seed, "count cards")
    owner = chance.happens(settled.people.height, _COUNT_CARDS)
    done = visits.filter(
        (pl.col("status") == "done") & (pl.col("line_no") == "1") & pl.Series(owner[visits["person"].to_numpy()])
    )
    turn = pl.int_range(1, pl.len() + 1).over("person_id")
    used = (
        done.sort("person_id", "visited_at", "visit_id")
        .with_columns(turn.alias("turn"))
        .filter(pl.col("turn") <= 10)
        .select(
            "person",
            "day",
            "store_id",
            pl.col("visited_at").alias("occurred_at"),
            pl.lit("used").alias("kind"),
            pl.lit(-1, dtype=pl.Int64).alias("times"),
            (10 - pl.col("turn")).cast(pl.Int64).alias("times_after"),
        )
    )
    opened = used.filter(pl.col("times_after") == 9).with_columns(
        pl.lit("opened").alias("kind"),
        pl.col("occurred_at") - pl.duration(minutes=10),
        pl.lit(10, dtype=pl.Int64).alias("times"),
        pl.lit(10, dtype=pl.Int64).alias("times_after"),
        pl.lit(88_000, dtype=pl.Int64).alias("amount"),
    )
    return pl.concat([opened, used], how="diagonal").with_columns(
        (pl.lit(f"CC{part:03d}") + pl.col("person").cast(pl.String).str.zfill(6)).alias("card_id"),
        pl.lit("count").alias("card_type"),
        pl.lit("CNY").alias("currency"),
        pl.col("store_id").alias("home_store_id"),
    )


def coupons(company: Company, settled: Settled, shopping: Shopping, life: Life, seed: int, part: int) -> pl.DataFrame:
    """One row per coupon, one for every message of a campaign: coupon_code, template_id (the campaign), coupon_name,
    person_id, the identifiers, channel, status, currency, face_amount, threshold_amount, discount_amount, order_id,
    store_id, issued_at, valid_from, valid_until, used_at."""
    known = _redeemed(shopping, life)
    of = company.campaigns.select(
        pl.col("campaign_id").alias("template_id"),
        pl.col("name").alias("coupon_name"),
        "channel",
        "face_amount",
        "threshold_amount",
    )
    person, day = known["person"].to_numpy(), known["day"].to_numpy()
    second = day * 86_400 + known["hour"].to_numpy() * 3_600 + Chance(seed, "coupons").below(known.height, 600)
    names = settled.known_as(person, day)
    frame = pl.concat([known, of[known["campaign"].to_numpy()], names], how="horizontal").with_columns(
        moment(company, "issued_at", second)
    )
    used = pl.col("used_at").is_not_null()
    ends = pl.col("issued_at") + pl.duration(days=_COUPON_DAYS)
    last = pl.lit(company.ends_on).cast(pl.Datetime("us")) + pl.duration(seconds=86_400 - BEIJING_SECONDS)
    off = pl.when(pl.col("paid_in") == "CNY").then(pl.min_horizontal("face_amount", "half"))
    return frame.select(
        serial("Q", part, 8).alias("coupon_code"),
        *("template_id", "coupon_name", "person_id", "unionid", "member_no", "external_userid", "phone", "channel"),
        pl.when(used)
        .then(pl.lit("used"))
        .when(ends < last)
        .then(pl.lit("expired"))
        .otherwise(pl.lit("issued"))
        .alias("status"),
        pl.lit("CNY").alias("currency"),
        *("face_amount", "threshold_amount", off.alias("discount_amount"), "order_id", "store_id", "issued_at"),
        pl.col("issued_at").alias("valid_from"),
        ends.alias("valid_until"),
        "used_at",
    )


def _redeemed(shopping: Shopping, life: Life) -> pl.DataFrame:
    """The messages that were sent, each with the order that it brought: order_id, store_id, used_at, paid_in, half (of
    its first line, the most that a coupon takes off); null when it brought none."""
    brought = shopping.orders.filter(pl.col("campaign") >= 0).select(
        *("person", "campaign", "order_id", "store_id"),
        pl.col("paid_at").alias("used_at"),
        pl.col("currency").alias("paid_in"),
    )
    half = (pl.col("unit_price") * pl.col("quantity") // 2).alias("half")
    first = shopping.lines.filter(pl.col("line_no") == 1).select("order_id", "store_id", half)
    orders = brought.unique(["person", "campaign"], keep="first", maintain_order=True).join(
        first, on=["order_id", "store_id"], how="left", maintain_order="left"
    )
    sent = life.messages.filter(~pl.col("is_holdout"))
    return sent.join(orders, on=["person", "campaign"], how="left", maintain_order="left")


def payments(accounts: pl.DataFrame, shopping: Shopping, amounts: Ints, seed: int, part: int) -> pl.DataFrame:
    """One row per paid order outside the marketplaces: order_id, store_id, person_id, channel (wechat_pay, alipay,
    cash), transaction_id, payer (the openid or the Alipay account; null: cash), currency, amount, fee (minor units),
    paid_at. An order in a mini-program is paid with WeChat Pay by the person's openid there, one at Youzan without
    banknotes."""
    chance = Chance(seed, "payments")
    here = (
        ~shopping.orders["platform"].is_in(list(MARKETPLACES)) & shopping.orders["paid_at"].is_not_null()
    ).to_numpy()
    row = np.flatnonzero(here)
    person, amount = shopping.orders["person"].to_numpy()[row], amounts[row]
    by = chance.pick(len(row), (62, 24, 14))
    platform = shopping.orders["platform"].to_numpy()[row]
    by = np.where((platform == "mini_program") | ((platform == "youzan") & (by == 2)), 0, by)
    channel = pl.Series("channel", pl.Series(["wechat_pay", "alipay", "cash"]).gather(by))
    owner = accounts.select("mall_openid", "alipay_account")[person]
    number = pl.int_range(len(row), eager=True).cast(pl.String).str.zfill(10)
    prefix = channel.replace_strict({"wechat_pay": "4200", "alipay": "2026", "cash": "9000"}, return_dtype=pl.String)
    fee = np.where(by < 2, (amount * _FEE_PPM["wechat_pay"] + 500_000) // 1_000_000, 0)
    return (
        shopping.orders[row]
        .select("order_id", "store_id", "person_id", "currency", "paid_at")
        .with_columns(
            channel,
            (prefix + f"{part:03d}" + number).alias("transaction_id"),
            pl.select(
                pl.when(pl.Series(by == 0))
                .then(owner["mall_openid"])
                .when(pl.Series(by == 1))
                .then(owner["alipay_account"])
            )
            .to_series()
            .alias("payer"),
            pl.Series("amount", amount),
            pl.Series("fee", fee),
        )
    )


def shop_statements(company: Company, shopping: Shopping, amounts: Ints, refunds: pl.DataFrame) -> pl.DataFrame:
    """One row per line of the bills of marketplaces and Youzan: platform, account_id, store_id, entry_id, kind,
    order_id, refund_id, currency, amount, fee_amount, net_amount, occurred_at, settled_at. Refunds give it back."""
    shops = [*MARKETPLACES, "youzan"]
    on = (shopping.orders["platform"].is_in(shops) & shopping.orders["paid_at"].is_not_null()).to_numpy()
    rate = pl.col("platform").replace_strict({name: _FEE_PPM[name] for name in shops}, return_dtype=pl.Int64)
    nothing = pl.lit(None, dtype=pl.String)
    paid = (
        shopping.orders.filter(pl.Series(on))
        .select(
            "platform",
            "account_id",
            "store_id",
            "order_id",
            nothing.alias("refund_id"),
            "currency",
            pl.col("paid_at").alias("occurred_at"),
        )
        .with_columns(pl.lit("payment").alias("kind"), pl.Series("amount", amounts[on]))
    )
    back = (
        refunds.join(company.shops.select("store_id", "platform", "account_id"), on="store_id", maintain_order="left")
        .filter(pl.col("platform").is_in(shops))
        .select(
            "platform",
            "account_id",
            "store_id",
            "order_id",
            "refund_id",
            "currency",
            pl.col("refunded_at").alias("occurred_at"),
            pl.lit("refund").alias("kind"),
            (-pl.col("refund_amount")).alias("amount"),
        )
    )
    fee = -((pl.col("amount").abs() * rate + 500_000) // 1_000_000) * pl.col("amount").sign()
    settled = (pl.col("occurred_at") + pl.duration(days=7)).alias("settled_at")
    last = pl.lit(company.ends_on).cast(pl.Datetime("us")) + pl.duration(seconds=86_400 - BEIJING_SECONDS)
    lines = pl.concat([paid, back.select(paid.columns)]).with_columns(
        pl.coalesce("refund_id", "order_id").alias("entry_id"), fee.alias("fee_amount"), settled
    )
    return lines.with_columns(
        (pl.col("amount") + pl.col("fee_amount")).alias("net_amount"),
        pl.when(pl.col("settled_at") < last).then("settled_at").alias("settled_at"),
    ).sort("occurred_at", "platform", "entry_id")
