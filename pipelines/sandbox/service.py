"""What customers ask and complain about, in their words: tickets, chat messages, reviews. All text is made up."""

import numpy as np
import polars as pl

from pipelines.sandbox.behaviour import Life
from pipelines.sandbox.browsing import BEIJING_SECONDS
from pipelines.sandbox.chance import Bools, Chance, Floats, Ints
from pipelines.sandbox.company import Company
from pipelines.sandbox.households import Settled
from pipelines.sandbox.numbering import serial
from pipelines.sandbox.premises import MAINLAND_CORP
from pipelines.sandbox.shopping import Shopping

QUESTIONS = 0.035  # share of orders about which somebody asks without complaining
_REVIEWED = 0.13
_CHANNELS = ("wecom", "phone", "official_account", "shop", "store")
# category: (weight among complaints, what the customer writes, what the customer writes when nobody answers)
_COMPLAINTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "quality": (
        34,
        (
            "你好，昨天收到的{商品}有股陈味，跟上次买的完全不是一个东西，这批是不是放久了？",
            "{商品}泡出来汤色发暗，喝着发涩，图片上可不是这样的，麻烦解释一下。",
            "打开{商品}发现里面有碎末和一根头发，太恶心了，我要退款！",
            "这次的{商品}份量不足，包装上写着净含量，我上秤少了快二十克。",
        ),
    ),
    "logistics": (
        28,
        (
            "订单{订单}都五天了物流还停在中转站，到底发没发货？我等着送人的。",
            "{商品}盒子压扁了，里面的茶叶撒得到处都是，快递说不归他们管。",
            "显示已签收但我根本没收到{商品}，打快递电话没人接，麻烦查一下。",
        ),
    ),
    "service": (
        18,
        (
            "你们店里的导购态度也太差了，我问{商品}怎么泡，她头都不抬。",
            "问了三遍都没人回，买的时候那么热情，买完就不理人了是吧。",
            "说好的生日礼没有，找客服推来推去，谁都说不归自己管。",
        ),
    ),
    "price": (
        12,
        (
            "前天刚买的{商品}，今天就降了三十多，能不能退差价？",
            "优惠券明明写着满减可用，结账的时候却没减，订单{订单}帮我看看。",
        ),
    ),
    "invoice": (8, ("订单{订单}的发票开错抬头了，公司催着报销，能不能今天重开？",)),
}
_ASKED = (
    "请问{商品}适合老人喝吗？我妈血压有点高。",
    "{商品}用多少度的水泡比较好呀？",
    "你好，订单{订单}可以改一下收货地址吗？写成以前的了。",
    "{商品}保质期到什么时候？想一次多囤两盒。",
    "周末店里有位置吗，想带朋友来喝茶，大概四个人。",
    "会员积分能换{商品}吗，还差多少？",
    "想买{商品}送客户，可以加礼盒和手写卡片吗？",
)
_AGAIN = ("？？？有人吗", "都过去这么久了，到底管不管", "在吗，我还在等回复", "麻烦给个准话，别再让我等了")
_ANSWERS = (
    "您好，非常抱歉给您带来不好的体验，我马上帮您核实。",
    "亲，让您久等了，这边已经看到您的问题，稍等我查一下订单。",
    "您好，我是您的专属顾问，您说的情况我记下来了，今天给您答复。",
)
_SOLUTIONS = (
    "已经帮您申请补发，明天寄出，运费我们承担，再次跟您说声对不起。",
    "退款已经提交了，原路返回，一般一到三个工作日到账。",
    "和店里确认过了，给您补一张三十元的券，下次来可以直接用。",
    "已经处理好了，您看还有什么可以帮到您的吗？",
)
_THANKS = ("好的，谢谢", "行吧，希望没有下次", "收到了，处理得还算快", "可以，辛苦了", "嗯")
_GOOD = (
    "回购很多次了，{商品}一直很稳定，香气足。",
    "包装很精致，送长辈很有面子，{商品}口感也好。",
    "物流快，{商品}泡了七八泡还有味道，推荐。",
    "客服小姐姐很耐心，{商品}很新鲜。",
)
_BAD = (
    "{商品}一般般，和描述有差距，不会再买了。",
    "发货太慢，包装还破了，{商品}受潮了。",
    "联系客服半天没人理，体验很差。",
)


def tickets(company: Company, settled: Settled, life: Life, shopping: Shopping, seed: int, part: int) -> pl.DataFrame:
    """One row per ticket: ticket_id, person_id, phone, member_no, external_userid, name, subject, category, channel,
    priority, status, store_id, assignee_id, order_id, product_id, satisfaction (1 to 10), reopened_count, opened_at,
    first_answered_at, resolved_at, closed_at (naive UTC; null: not yet), wait_hours (to the first answer).

    A complaint is about an order of the person; who waits longer is less content and comes back more often.
    """
    chance = Chance(seed, "tickets")
    asked = np.flatnonzero(chance.happens(shopping.orders.height, QUESTIONS))
    about = _orders_of(life, shopping)
    complained = about >= 0
    opened = np.concatenate(
        [
            life.complaints["opened"].to_numpy()[complained],
            (shopping.orders["day"].to_numpy()[asked] + 1) * 86_400 + 32_400 + chance.below(len(asked), 43_200),
        ]
    )
    wait = np.concatenate(
        [life.complaints["wait_hours"].to_numpy()[complained], np.round(chance.lognormal(len(asked), 1.5, 1.2), 2)]
    )
    order = np.concatenate([about[complained], asked])
    is_complaint = np.arange(len(order)) < complained.sum()
    sequence = np.lexsort((order, opened))
    opened, wait, order, is_complaint = (array[sequence] for array in (opened, wait, order, is_complaint))
    within = opened < company.days * 86_400
    frame = _described(company, settled, shopping, chance, order[within], is_complaint[within], part)
    return _dated(company, chance, frame, opened[within], wait[within])


def _orders_of(life: Life, shopping: Shopping) -> Ints:
    """For each complaint the order (row number) that it is about; -1 when that purchase became none."""
    orders = shopping.orders.select("person", "day", pl.int_range(pl.len()).alias("order")).unique(
        ["person", "day"], keep="first", maintain_order=True
    )
    found = life.complaints.join(orders, on=["person", "day"], how="left", maintain_order="left")
    return found["order"].fill_null(-1).to_numpy().astype(np.int64)


def _described(
    company: Company,
    settled: Settled,
    shopping: Shopping,
    chance: Chance,
    order: Ints,
    complains: Bools,
    part: int,
) -> pl.DataFrame:
    size = len(order)
    kind, subject = _words(chance, complains)
    # The first line of an order is what it is about.
    of = shopping.lines.filter(pl.col("line_no") == 1)[order]
    orders = shopping.orders[order]
    person = orders["person"].to_numpy()
    known = settled.known_as(person, orders["day"].to_numpy())
    over_wecom = chance.pick(size, (60, 12, 12, 10, 6))
    # Only the staff of the person's own corp can write to the contact.
    elsewhere = orders["store_id"].is_in(_abroad(company)) == (settled.people["country"].gather(person) == "CN")
    mute = (known["external_userid"].is_null() | elsewhere).to_numpy()
    channel = np.where(mute, 1 + chance.below(size, 4), over_wecom)
    urgency = np.where(complains, chance.pick(size, (0, 55, 35, 10)), chance.pick(size, (60, 38, 2, 0)))
    shown = pl.Series(channel)
    calls = shown.is_in([1, 3])
    return (
        known.drop("unionid")
        .with_columns(
            serial("T", part, 7).alias("ticket_id"),
            kind.alias("category"),
            pl.Series("channel", pl.Series(_CHANNELS).gather(channel)),
            pl.Series("priority", pl.Series(["low", "normal", "high", "urgent"]).gather(urgency)),
            orders["store_id"],
            orders["order_id"],
            of["product_id"],
            of["product_name"],
            subject.alias("subject"),
            # A ticket carries the key of its channel; a call carries the phone.
            pl.when(shown == 0).then("external_userid").alias("external_userid"),
            pl.when(calls).then("phone").alias("phone"),
            pl.when(shown.is_in([2, 4]) | (calls & pl.col("phone").is_null())).then("member_no").alias("member_no"),
        )
        .with_columns(
            filled("subject"),
            pl.col("store_id")
            .replace_strict(_managers(company), default="hq-service", return_dtype=pl.String)
            .alias("assignee_id"),
        )
    )


def _words(chance: Chance, complains: Bools) -> tuple[pl.Series, pl.Series]:
    """Category of each ticket and what the customer writes, its places still empty."""
    size = len(complains)
    category = chance.pick(size, [weight for weight, _ in _COMPLAINTS.values()])
    texts = [template for _, group in _COMPLAINTS.values() for template in group]
    counts = np.array([len(group) for _, group in _COMPLAINTS.values()])
    template = (np.cumsum(counts) - counts)[category] + chance.below(size, counts[category])
    question = pl.Series(_ASKED).gather(chance.below(size, len(_ASKED)))
    is_complaint = pl.Series(complains)
    chosen = pl.select(
        pl.when(is_complaint)
        .then(pl.Series(list(_COMPLAINTS)).gather(category))
        .otherwise(pl.lit("question"))
        .alias("kind"),
        pl.when(is_complaint).then(pl.Series(texts).gather(template)).otherwise(question).alias("text"),
    )
    return chosen["kind"], chosen["text"]


def filled(column: str) -> pl.Expr:
    """The text with its places for product and order filled."""
    return (
        pl.col(column)
        .str.replace("{商品}", pl.col("product_name"), literal=True)
        .str.replace("{订单}", pl.col("order_id"), literal=True)
    )


def _abroad(company: Company) -> list[str]:
    return company.stores.filter(pl.col("corp_id") != MAINLAND_CORP)["store_id"].to_list()


def _managers(company: Company) -> dict[str, str]:
    heads = company.staff.filter(pl.col("position") == "店长").unique("store_id", keep="first", maintain_order=True)
    return dict(heads.select("store_id", "userid").iter_rows())


def _dated(company: Company, chance: Chance, frame: pl.DataFrame, opened: Ints, wait: Floats) -> pl.DataFrame:
    size = len(opened)
    answered = opened + np.round(wait * 3_600).astype(np.int64)
    resolved = answered + 1_800 + np.round(chance.lognormal(size, 20.0, 1.0) * 3_600).astype(np.int64)
    closed = resolved + 86_400 * 2
    unhappy = np.minimum(wait / 12, 4.0)
    score = np.clip(
        9 - np.floor(unhappy) - (frame["category"] != "question").to_numpy() * 2 + chance.below(size, 3) - 1, 1, 10
    )
    rated = chance.happens(size, 0.45)
    again = np.where(chance.happens(size, np.minimum(0.05 + wait / 400, 0.5)), 1, 0)
    ends = company.days * 86_400

    def moment(name: str, second: Ints) -> pl.Series:
        at = np.datetime64(company.starts_on, "us") + (second - BEIJING_SECONDS).astype("timedelta64[s]")
        return pl.select(pl.when(pl.Series(second < ends)).then(pl.Series(at))).to_series().alias(name)

    is_closed, is_resolved, is_answered = closed < ends, resolved < ends, answered < ends
    state = np.where(is_closed, 3, np.where(is_resolved, 2, np.where(is_answered, 1, 0)))
    return frame.with_columns(
        pl.Series("status", ["open", "pending", "resolved", "closed"]).gather(state),
        pl.select(pl.when(pl.Series(rated & is_resolved)).then(pl.Series(score.astype(np.int64))))
        .to_series()
        .alias("satisfaction"),
        pl.Series("reopened_count", again.astype(np.int64)),
        moment("opened_at", opened),
        moment("first_answered_at", answered),
        moment("resolved_at", resolved),
        moment("closed_at", closed),
        pl.Series("wait_hours", wait),
    )


def chats(tickets_of: pl.DataFrame, seed: int, part: int) -> pl.DataFrame:
    """One row per chat message of the tickets that came over WeCom: msgid, ticket_id, person_id, from_id, to_id,
    is_customer, sent_at (naive UTC), text. A customer who waits asks again."""
    chance = Chance(seed, "chats")
    talked = tickets_of.filter((pl.col("channel") == "wecom") & pl.col("external_userid").is_not_null())
    answered, resolved = pl.col("first_answered_at"), pl.col("resolved_at")
    again = pl.when(pl.col("wait_hours") > 6).then(pl.col("opened_at") + pl.duration(hours=5))
    turns: tuple[tuple[tuple[str, ...] | None, bool, pl.Expr], ...] = (
        (None, True, pl.col("opened_at")),
        (_AGAIN, True, again),
        (_ANSWERS, False, answered),
        (_SOLUTIONS, False, resolved),
        (_THANKS, True, resolved + pl.duration(minutes=4)),
    )
    frames = []
    for turn, (texts, by_customer, at) in enumerate(turns):
        said = pl.Series(texts).gather(chance.below(talked.height, len(texts))) if texts else talked["subject"]
        frames.append(
            talked.select("ticket_id", "person_id", "external_userid", "assignee_id", at.alias("sent_at")).with_columns(
                pl.lit(by_customer).alias("is_customer"), said.alias("text"), pl.lit(turn).alias("turn")
            )
        )
    customer = pl.col("is_customer")
    return (
        pl.concat(frames)
        .filter(pl.col("sent_at").is_not_null())
        .sort("sent_at", "ticket_id", "turn")
        .select(
            (serial("m", part, 9) + "_external").alias("msgid"),
            "ticket_id",
            "person_id",
            pl.when(customer).then("external_userid").otherwise("assignee_id").alias("from_id"),
            pl.when(customer).then("assignee_id").otherwise("external_userid").alias("to_id"),
            "is_customer",
            "sent_at",
            "text",
        )
    )


def reviews(company: Company, shopping: Shopping, tickets_of: pl.DataFrame, seed: int, part: int) -> pl.DataFrame:
    """One row per review of an order line: review_id, order_id, store_id, platform, product_id, person_id, stars
    (1 to 5), text, reviewed_at (naive UTC). Who complained about an order gives fewer stars."""
    chance = Chance(seed, "reviews")
    online = shopping.orders.filter((pl.col("platform") != "pos") & (pl.col("status") == "finished"))
    chosen = online.filter(pl.Series(chance.happens(online.height, _REVIEWED)))
    size = chosen.height
    later = 3 * 86_400 + chance.below(size, 12 * 86_400)
    upset = tickets_of.filter(pl.col("category") != "question").select("order_id", pl.lit(True).alias("upset")).unique()
    stars = 5 - chance.pick(size, (74, 15, 5, 3, 3))
    less = chance.below(size, 3) + 2
    good, bad = chance.below(size, len(_GOOD)), chance.below(size, len(_BAD))
    product = shopping.lines.filter(pl.col("line_no") == 1).select("order_id", "store_id", "product_id", "product_name")
    return (
        chosen.select("order_id", "store_id", "platform", "person_id", "ordered_at")
        .join(product, on=["order_id", "store_id"], maintain_order="left")
        .with_columns(
            pl.Series("stars", stars),
            pl.Series("less", less),
            pl.Series("good", pl.Series(_GOOD).gather(good)),
            pl.Series("bad", pl.Series(_BAD).gather(bad)),
            (pl.col("ordered_at") + pl.duration(seconds=pl.lit(pl.Series(later)))).alias("reviewed_at"),
        )
        .join(upset, on="order_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("upset").fill_null(False))
            .then(pl.max_horizontal(pl.lit(1), pl.col("stars") - pl.col("less")))
            .otherwise("stars")
            .cast(pl.Int64)
            .alias("stars")
        )
        .filter((pl.col("reviewed_at") + pl.duration(seconds=BEIJING_SECONDS)).dt.date() <= company.ends_on)
        .with_columns(pl.when(pl.col("stars") >= 4).then("good").otherwise("bad").alias("text"))
        .with_columns(filled("text"))
        .select(
            serial("V", part, 7).alias("review_id"),
            "order_id",
            "store_id",
            "platform",
            "product_id",
            "person_id",
            "stars",
            "text",
            "reviewed_at",
        )
    )
