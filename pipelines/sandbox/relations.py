"""What the company knows of people: member records, WeCom contacts, consents, and what an order says of its buyer."""

from datetime import date

import numpy as np
import polars as pl

from pipelines.sandbox.buying import WARM_UP
from pipelines.sandbox.chance import Chance, Ints

# What an order may say of its buyer: the identifiers on it, by kind of store. Weights in the order of PATTERNS.
PATTERNS: tuple[tuple[str, ...], ...] = (
    ("member_no",),
    ("phone",),
    ("external_userid",),
    ("unionid",),
    ("phone", "member_no"),
    ("unionid", "phone"),
    (),  # anonymous
)
IN_STORE = (34, 22, 8, 6, 20, 0, 10)
ONLINE = (4, 30, 0, 38, 0, 24, 4)
NOTICE_VERSION = "2025-01"


def buyers(placed: pl.DataFrame, people: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The orders with buyer_phone, buyer_unionid, buyer_external_userid, buyer_member_no as the shop knows them.

    A pattern that the person cannot fill falls back to one identifier that he has; one order in about ten has none.
    """
    chance = Chance(seed, "buyers")
    size = placed.height
    online = (placed["store_type"] == "online").to_numpy()
    pattern = np.where(online, chance.pick(size, ONLINE), chance.pick(size, IN_STORE))
    owned = people.select("person_id", "phone", "unionid", "member_no", "external_userid")
    return stated(placed.join(owned, on="person_id", maintain_order="left"), pattern)


def stated(known: pl.DataFrame, pattern: Ints) -> pl.DataFrame:
    """Orders that hold all identifiers of their person, with the buyer_* of the pattern (its number in PATTERNS)."""
    wanted = {
        name: pl.Series(f"wants_{name}", np.isin(pattern, [i for i, p in enumerate(PATTERNS) if name in p]))
        for name in ("phone", "unionid", "member_no", "external_userid")
    }
    known = known.with_columns(*wanted.values(), pl.Series("named", pattern < len(PATTERNS) - 1))
    shown = known.with_columns(pl.when(f"wants_{name}").then(name).alias(f"buyer_{name}") for name in wanted)
    empty = pl.all_horizontal(pl.col(f"buyer_{name}").is_null() for name in wanted) & pl.col("named")
    ranked = ("phone", "member_no", "unionid", "external_userid")
    fallback = pl.coalesce(pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in ranked)
    return shown.with_columns(
        pl.when(empty & (fallback == name)).then(name).otherwise(f"buyer_{name}").alias(f"buyer_{name}")
        for name in ranked
    ).drop(*ranked, *(f"wants_{name}" for name in ranked), "named")


def members(people: pl.DataFrame, hidden: pl.DataFrame, seed: int, first: date) -> pl.DataFrame:
    """One row per customer record: record_id, person_id, member_no, phone, unionid, name, email, gender, birth_date,
    city, country, store_id, local_registered_at. One person in 25 has a second record, kept by phone alone."""
    chance = Chance(seed, "members")
    size = people.height
    around = np.clip(hidden["starts"].to_numpy(), -WARM_UP, None) - 3 + chance.uniform(size) * 6
    seconds = (
        np.floor(np.minimum(around, 0.9 * around + 20)).astype(np.int64) * 86_400 + 36_000 + chance.below(size, 36_000)
    )
    before = np.datetime64(first, "us") + seconds.astype("timedelta64[s]")
    number = pl.col("person_id").str.slice(1)
    base = people.with_columns(
        pl.Series("local_registered_at", before),
        pl.Series("shows_unionid", chance.happens(size, 0.6)),
        pl.Series("shows_birth", chance.happens(size, 0.7)),
        pl.Series("has_email", chance.happens(size, 0.3)),
        pl.Series("again", chance.happens(size, 0.04)),
        (number.cast(pl.Int64).cast(pl.String) + "@example.com").alias("email"),
    )
    columns: list[str | pl.Expr] = [
        "person_id",
        "member_no",
        "phone",
        pl.when("shows_unionid").then("unionid").alias("unionid"),
        "name",
        pl.when("has_email").then("email").alias("email"),
        "gender",
        pl.when("shows_birth").then("birth_date").alias("birth_date"),
        "city",
        "country",
        pl.col("home_store_id").alias("store_id"),
        "local_registered_at",
    ]
    main = base.filter(pl.col("member_no").is_not_null()).select((pl.lit("C") + number).alias("record_id"), *columns)
    second = (
        base.filter(pl.col("again") & pl.col("phone").is_not_null())
        .select((pl.lit("D") + number).alias("record_id"), *columns)
        .with_columns(
            pl.lit(None, dtype=pl.String).alias("member_no"),
            pl.lit(None, dtype=pl.String).alias("unionid"),
            pl.col("local_registered_at") + pl.duration(days=9),
        )
    )
    return pl.concat([main, second])


_NICKNAMES = ("小{}", "{}同学", "阿{}", "{}🌸", "{}~", "爱喝茶的{}", "{}")


def contacts(people: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One row per WeCom external contact: external_userid, person_id, name (nickname), contact_type (1 WeChat,
    2 WeCom), gender (0, 1, 2), unionid (type 1 only), corp_name (type 2 only)."""
    chance = Chance(seed, "contacts")
    known = people.filter(pl.col("external_userid").is_not_null())
    size = known.height
    style = chance.pick(size, (3, 3, 2, 2, 2, 1, 6))
    last = pl.col("name").str.slice(-1)
    nickname = pl.coalesce(
        pl.when(pl.col("style") == number).then(pl.format(text, last)) for number, text in enumerate(_NICKNAMES)
    )
    corporate = pl.col("corporate")
    return known.with_columns(
        pl.Series("style", style),
        pl.Series("corporate", chance.happens(size, 0.03)) & pl.col("unionid").is_null(),
        pl.Series("hides", chance.happens(size, 0.15)),
    ).select(
        "external_userid",
        "person_id",
        nickname.alias("name"),
        pl.when(corporate).then(2).otherwise(1).cast(pl.Int64).alias("contact_type"),
        pl.when("hides").then(0).when(pl.col("gender") == "male").then(1).otherwise(2).cast(pl.Int64).alias("gender"),
        "unionid",
        pl.when(corporate).then(pl.col("city") + "睿博商贸有限公司").alias("corp_name"),
    )


_WAYS = (1, 2, 3, 4, 6, 8, 10, 16, 201, 202)  # 16: a newer value that a reader must keep
_WAY_WEIGHTS = (520, 120, 60, 110, 40, 20, 50, 10, 40, 30)
_STATES = (None, "store-qr", "parcel-card", "campaign-618", "campaign-1111")
_REMARKS = ("常买绿茶", "爱喝岩茶", "收藏普洱", "送礼为主", "周末到店", "对价格敏感")


def follows(
    people: pl.DataFrame, hidden: pl.DataFrame, staff: pl.DataFrame, seed: int, first: date, days: int
) -> pl.DataFrame:
    """One row per (userid, external_userid): person_id, remark, description, add_way, state, oper_userid,
    local_followed_at, remark_phone (as staff typed it, or null). One to three staff of the home store follow a contact.
    """
    chance = Chance(seed, "follows")
    known = people.with_columns(hidden["starts"]).filter(pl.col("external_userid").is_not_null())
    count = 1 + chance.pick(known.height, (74, 20, 6))
    contact = np.repeat(np.arange(known.height), count)
    size = len(contact)
    turn = np.arange(size) - np.repeat(np.cumsum(count) - count, count)
    active = (
        staff.filter(pl.col("may_follow") & pl.col("store_id").is_not_null())
        .group_by("store_id", maintain_order=True)
        .agg("userid")
    )
    start = np.repeat(chance.below(known.height, 1 << 20), count)
    since = np.minimum(known["starts"].to_numpy()[contact] + chance.uniform(size) * 60 * (1 + turn), days - 1)
    seconds = np.floor(since).astype(np.int64) * 86_400 + 36_000 + chance.below(size, 36_000)
    at = np.datetime64(first, "us") + seconds.astype("timedelta64[s]")
    typed = chance.pick(size, (48, 12, 40))
    frame = known.select("external_userid", "person_id", "home_store_id", "name", "phone")[contact].with_columns(
        pl.Series("seat", start + turn),
        pl.Series("typed", typed),
        pl.Series("note", chance.pick(size, (2, 2, 2, 2, 2, 2, 12))),
        pl.Series("add_way", np.array(_WAYS)[chance.pick(size, _WAY_WEIGHTS)]),
        pl.Series("state", pl.Series(_STATES, dtype=pl.String).gather(chance.pick(size, (50, 25, 10, 8, 7)))),
        pl.Series("local_followed_at", at),
    )
    spaced = pl.col("phone").str.slice(0, 3) + " " + pl.col("phone").str.slice(3)
    return (
        frame.join(active, left_on="home_store_id", right_on="store_id", maintain_order="left")
        .with_columns(pl.col("userid").list.get(pl.col("seat") % pl.col("userid").list.len()).alias("userid"))
        .unique(["userid", "external_userid"], keep="first", maintain_order=True)
        .select(
            "userid",
            "external_userid",
            "person_id",
            pl.col("name").alias("remark"),
            pl.coalesce(
                *(pl.when(pl.col("note") == i).then(pl.lit(text)) for i, text in enumerate(_REMARKS)), pl.lit("")
            ).alias("description"),
            pl.col("add_way").cast(pl.Int64),
            "state",
            pl.col("userid").alias("oper_userid"),
            "local_followed_at",
            pl.when(pl.col("typed") == 0).then("phone").when(pl.col("typed") == 1).then(spaced).alias("remark_phone"),
        )
    )


def consents(people: pl.DataFrame, hidden: pl.DataFrame, seed: int, first: date, days: int) -> pl.DataFrame:
    """One row per decision: person_id, identifier_type, identifier, purpose, channel, state, local_decided_at,
    evidence, notice_version. About 70 % agreed to marketing; one in ten of these took it back later."""
    chance = Chance(seed, "consents")
    ranked = ("phone", "member_no", "unionid", "external_userid")
    size = people.height
    since = np.clip(hidden["starts"].to_numpy(), -WARM_UP, days - 2)
    asked = np.floor(since).astype(np.int64) * 86_400 + 39_600 + chance.below(size, 30_000)
    back = asked + 86_400 * (10 + chance.below(size, 200))
    base = people.select(
        "person_id",
        pl.coalesce(pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in ranked).alias("identifier_type"),
        pl.coalesce(*ranked).alias("identifier"),
        pl.Series("asked", np.datetime64(first, "us") + asked.astype("timedelta64[s]")),
        pl.Series("back", np.datetime64(first, "us") + back.astype("timedelta64[s]")),
        pl.Series("marketing", chance.happens(size, 0.7)),
        pl.Series("service", chance.happens(size, 0.85)),
        pl.Series("withdraws", chance.happens(size, 0.1) & (back < days * 86_400)),
        pl.Series("channel", ["any", "wecom", "sms"]).gather(chance.pick(size, (60, 25, 15))),
        pl.Series("evidence", ["member-form", "mini-program", "store-tablet"]).gather(chance.pick(size, (40, 40, 20))),
    )

    def decision(who: pl.Expr, purpose: str, channel: pl.Expr, state: str, at: str) -> pl.DataFrame:
        return base.filter(who).select(
            "person_id",
            "identifier_type",
            "identifier",
            pl.lit(purpose).alias("purpose"),
            channel.alias("channel"),
            pl.lit(state).alias("state"),
            pl.col(at).alias("local_decided_at"),
            "evidence",
            pl.lit(NOTICE_VERSION).alias("notice_version"),
        )

    marketing = pl.col("marketing")
    return pl.concat(
        [
            decision(marketing, "marketing", pl.col("channel"), "granted", "asked"),
            decision(pl.col("service"), "service", pl.lit("any"), "granted", "asked"),
            decision(marketing & pl.col("withdraws"), "marketing", pl.col("channel"), "withdrawn", "back"),
        ]
    ).sort("local_decided_at", "person_id", "purpose", "state")
