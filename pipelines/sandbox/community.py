"""What goes on in WeCom beside follow-ups: tags, customer groups, acquisition links, payments in chats, and what the
statistics of a day say of an employee."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.sandbox import needs
from pipelines.sandbox.browsing import BEIJING_SECONDS
from pipelines.sandbox.chance import Chance, Ints
from pipelines.sandbox.company import Company
from pipelines.sandbox.numbering import serial
from pipelines.sandbox.world import World

# tag group: its tags. The second follows what people want, as staff believe it to be.
_TAGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("客户等级", ("普通", "银卡", "金卡", "黑金")),
    ("茶类偏好", ("绿茶日常", "乌龙爱好", "普洱收藏", "礼品需求", "养生花草", "尝鲜")),
    ("来源", ("门店", "小程序", "老客转介绍", "活动")),
    ("状态", ("高意向", "沉睡", "投诉过")),
)
_NOTED, _NOTED_RIGHT = 0.55, 0.85  # share of follow-ups with a note of taste; of these the right one
_IN_GROUP, _PAYS_IN_CHAT = 0.35, 0.02
_BY_LINK = 0.3  # share of the follow-ups of an employee who has a link
_SCENES = (1, 2, 3)  # invited by a member, by a link, by a code


@dataclass(frozen=True)
class Community:
    """``tags``: one row per tag and corp (corp_id, tag_id, group_id, group_name, tag_name).

    ``tag_marks``: one row per follow-up and tag (corp_id, userid, external_userid, tag_id, person_id).
    ``groups``: one row per customer group (chat_id, corp_id, name, owner_userid, store_id, created_at).
    ``group_members``: one row per member (chat_id, corp_id, member_id, member_kind (1 staff, 2 external), person_id,
    joined_at, join_scene).
    ``links``: one row per acquisition link (link_id, corp_id, name, userid, created_at).
    ``link_customers``: one row per customer whom a link brought (link_id, corp_id, external_userid, userid, person_id,
    state, has_chatted).
    ``chat_payments``: one row per payment that an employee took in a chat (transaction_id, corp_id, external_userid,
    payee_userid, person_id, order_id, amount, paid_at).
    ``staff_days``: one row per employee and civil day with anything to tell (corp_id, userid, day,
    chats, messages, replied_share (per cent), reply_minutes, negative_feedback, applied, new_contacts).
    """

    tags: pl.DataFrame
    tag_marks: pl.DataFrame
    groups: pl.DataFrame
    group_members: pl.DataFrame
    links: pl.DataFrame
    link_customers: pl.DataFrame
    chat_payments: pl.DataFrame
    staff_days: pl.DataFrame


def gather(
    company: Company,
    world: World,
    wants: pl.DataFrame,
    payments: pl.DataFrame,
    chats: pl.DataFrame,
    seed: int,
    part: int,
) -> Community:
    """All of it for one part; groups are the part's own."""
    tags = tags_of(company)
    groups = _groups(company, part)
    links = links_of(company)
    return Community(
        tags=tags,
        tag_marks=_tag_marks(world, wants, tags, seed),
        groups=groups,
        group_members=_group_members(world, groups, seed),
        links=links,
        link_customers=_link_customers(world, links, seed),
        chat_payments=_chat_payments(world, payments, seed),
        staff_days=_staff_days(company, world, chats, seed),
    )


def tags_of(company: Company) -> pl.DataFrame:
    """The same tags in every corp, each with ids of its own."""
    rows = [
        {
            "corp_id": corp_id,
            "tag_id": f"et{number + 1}{group:02d}{place:02d}",
            "group_id": f"eg{number + 1}{group:02d}",
            "group_name": group_name,
            "tag_name": name,
            "group": group,
            "place": place,
        }
        for number, corp_id in enumerate(company.corps["corp_id"])
        for group, (group_name, names) in enumerate(_TAGS)
        for place, name in enumerate(names)
    ]
    return pl.DataFrame(rows)


def _tag_marks(world: World, wants: pl.DataFrame, tags: pl.DataFrame, seed: int) -> pl.DataFrame:
    chance = Chance(seed, "tag marks")
    follows = world.follows.join(wants.select("person_id", "need"), on="person_id", maintain_order="left")
    size = follows.height
    right = chance.happens(size, _NOTED_RIGHT)
    taste = np.where(right, follows["need"].to_numpy(), chance.below(size, len(needs.NEEDS)))
    marked = [
        (0, chance.pick(size, (60, 25, 12, 3)), chance.happens(size, 0.7)),
        (1, taste, chance.happens(size, _NOTED)),
        (2, chance.pick(size, (50, 25, 10, 15)), chance.happens(size, 0.4)),
        (3, chance.pick(size, (50, 40, 10)), chance.happens(size, 0.15)),
    ]
    return pl.concat(
        follows.select("corp_id", "userid", "external_userid", "person_id")
        .with_columns(pl.lit(group, dtype=pl.Int64).alias("group"), pl.Series("place", place))
        .filter(pl.Series(shown))
        .join(
            tags.select("corp_id", "group", "place", "tag_id"), on=["corp_id", "group", "place"], maintain_order="left"
        )
        .drop("group", "place")
        for group, place, shown in marked
    )


def _groups(company: Company, part: int) -> pl.DataFrame:
    """Two groups for every store with an entrance."""
    heads = company.staff.filter(pl.col("position") == "店长").select(
        "store_id", pl.col("userid").alias("owner_userid")
    )
    stores = company.stores.filter(pl.col("store_type") != "online").join(heads, on="store_id", maintain_order="left")
    twice = pl.concat([stores.with_columns(pl.lit(word).alias("word")) for word in ("茶友群", "福利群")])
    return twice.select(
        serial("wr", part, 20).alias("chat_id"),
        "corp_id",
        (pl.col("name") + pl.col("word")).alias("name"),
        "owner_userid",
        "store_id",
        (pl.lit(company.starts_on).cast(pl.Datetime("us")) + pl.duration(hours=2)).alias("created_at"),
    )


def _group_members(world: World, groups: pl.DataFrame, seed: int) -> pl.DataFrame:
    chance = Chance(seed, "groups")
    follows = world.follows.unique("external_userid", keep="first", maintain_order=True)
    of_staff = world.staff.select("userid", "store_id")
    joins = follows.filter(pl.Series(chance.happens(follows.height, _IN_GROUP))).join(
        of_staff, on="userid", maintain_order="left"
    )
    scene = pl.Series("join_scene", np.array(_SCENES)[chance.pick(joins.height, (45, 25, 30))])
    later = pl.Series(chance.below(joins.height, 20 * 86_400))
    fits = joins.with_columns(scene, pl.Series("turn", chance.below(joins.height, 2)), later.alias("later"))
    mine = groups.with_columns(pl.int_range(pl.len()).over("store_id").alias("turn"))
    customers = fits.join(mine, on=["store_id", "turn", "corp_id"], maintain_order="left").select(
        "chat_id",
        "corp_id",
        pl.col("external_userid").alias("member_id"),
        pl.lit(2, dtype=pl.Int64).alias("member_kind"),
        "person_id",
        (pl.max_horizontal("followed_at", "created_at") + pl.duration(seconds="later")).alias("joined_at"),
        "join_scene",
    )
    owners = groups.select(
        "chat_id",
        "corp_id",
        pl.col("owner_userid").alias("member_id"),
        pl.lit(1, dtype=pl.Int64).alias("member_kind"),
        pl.lit(None, dtype=pl.String).alias("person_id"),
        pl.col("created_at").alias("joined_at"),
        pl.lit(1, dtype=pl.Int64).alias("join_scene"),
    )
    ended = pl.lit(world.ends_on).cast(pl.Datetime("us")) + pl.duration(seconds=86_400 - BEIJING_SECONDS)
    return pl.concat([owners, customers.filter(pl.col("joined_at") < ended)])


def links_of(company: Company) -> pl.DataFrame:
    """One acquisition link for the head of every store."""
    heads = company.staff.filter(pl.col("position") == "店长")
    return heads.select(
        serial("cawcde", 0, 10).alias("link_id"),
        "corp_id",
        pl.format("{} 获客链接", "store_id").alias("name"),
        "userid",
        pl.lit(company.starts_on).cast(pl.Datetime("us")).alias("created_at"),
    )


def link_address(link_id: str) -> pl.Expr:
    """``url``: where the link of this column leads."""
    return pl.format("https://work.weixin.qq.com/ca/{}", link_id).alias("url")


def _link_customers(world: World, links: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Customers of whom an acquisition link speaks: the follow-up is that of the link's employee."""
    chance = Chance(seed, "links")
    own = world.follows.join(links.select("link_id", "userid"), on="userid", maintain_order="left").drop_nulls(
        "link_id"
    )
    came = own.filter(pl.Series(chance.happens(own.height, _BY_LINK)))
    return came.select(
        "link_id",
        "corp_id",
        "external_userid",
        "userid",
        "person_id",
        pl.Series("state", pl.Series(["douyin", "poster", "article", "friend"]).gather(chance.below(came.height, 4))),
        pl.Series("has_chatted", chance.happens(came.height, 0.8)),
    )


def _chat_payments(world: World, payments: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Some WeChat payments of orders that an employee sold to a contact were taken in the chat."""
    chance = Chance(seed, "chat payments")
    sold = world.orders.filter(pl.col("salesperson_id").is_not_null() & (pl.col("currency") == "CNY"))
    follows = world.follows.select("person_id", "corp_id", "external_userid").unique(
        "person_id", keep="first", maintain_order=True
    )
    paid = payments.filter(pl.col("channel") == "wechat_pay").select("order_id", "transaction_id", "amount", "paid_at")
    known = (
        sold.select("order_id", "person_id", pl.col("salesperson_id").alias("payee_userid"))
        .join(follows, on="person_id", maintain_order="left")
        .join(paid, on="order_id", maintain_order="left")
    )
    both = known.filter(pl.col("external_userid").is_not_null() & pl.col("transaction_id").is_not_null())
    return both.filter(pl.Series(chance.happens(both.height, _PAYS_IN_CHAT))).select(
        *("transaction_id", "corp_id", "external_userid", "payee_userid", "person_id", "order_id", "amount", "paid_at")
    )


def _staff_days(company: Company, world: World, chats: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Counted from the follow-ups and the chats; who is answered, and how fast, is drawn."""
    chance = Chance(seed, "staff days")

    def day(at: str) -> pl.Expr:
        return (pl.col(at) + pl.duration(seconds=BEIJING_SECONDS)).dt.date().alias("day")

    new = world.follows.group_by("userid", day("followed_at"), maintain_order=True).agg(pl.len().alias("new_contacts"))
    staff = pl.coalesce(pl.when("is_customer").then("to_id"), "from_id").alias("userid")
    said = chats.group_by(staff, day("sent_at"), maintain_order=True).agg(
        pl.col("ticket_id").n_unique().alias("chats"), (~pl.col("is_customer")).sum().alias("messages")
    )
    days = new.join(said, on=["userid", "day"], how="full", coalesce=True).sort("userid", "day")
    window = days.filter(pl.col("day").is_between(company.starts_on, company.ends_on))
    size = window.height
    talks = pl.col("chats").fill_null(0) > 0

    def when_talking(name: str, values: Ints) -> pl.Expr:
        return pl.when(talks).then(pl.Series(values)).alias(name)

    return window.join(company.staff.select("userid", "corp_id"), on="userid", maintain_order="left").select(
        "corp_id",
        "userid",
        "day",
        pl.col("chats").fill_null(0).cast(pl.Int64),
        pl.col("messages").fill_null(0).cast(pl.Int64),
        when_talking("replied_share", 60 + chance.below(size, 41)),
        when_talking("reply_minutes", 1 + chance.below(size, 90)),
        pl.Series("negative_feedback", (chance.below(size, 200) == 0).astype(np.int64)),
        (pl.col("new_contacts").fill_null(0).cast(pl.Int64) + pl.Series(chance.below(size, 2))).alias("applied"),
        pl.col("new_contacts").fill_null(0).cast(pl.Int64),
    )
