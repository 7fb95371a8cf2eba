"""What the company wrote down of its people at the time: records, contacts, follow-ups, consents, memberships."""

from datetime import timedelta

import numpy as np
import polars as pl

from pipelines.sandbox import premises, relations, shopping
from pipelines.sandbox.behaviour import Life
from pipelines.sandbox.browsing import known_from
from pipelines.sandbox.chance import Chance, Ints
from pipelines.sandbox.channels import swapped_digits
from pipelines.sandbox.company import Company
from pipelines.sandbox.households import Settled
from pipelines.sandbox.lessons import moment
from pipelines.sandbox.shopping import Shopping, utc
from pipelines.sandbox.switches import Traits
from pipelines.sandbox.world import IDENTIFIERS, World, truth

_LEVELS = ((2_000_000, "黑金"), (800_000, "金卡"), (200_000, "银卡"), (0, "普通"))
# Characters of given names and what a listener writes for them.
_SOUNDS_LIKE = dict(
    zip(
        "芳娜敏静丽艳娟霞秀燕玲婷雪慧莹洁琳颖佳欣怡梦瑶雨萱诗涵思彤语晨曦悦宁蕾蓉薇伟强磊军洋勇杰涛明超刚平辉鹏华飞波宇浩凯俊帆文轩泽睿嘉志远承恩昊然",
        "方纳闽婧莉燕鹃侠绣艳灵廷学惠盈杰林影嘉新宜孟遥宇宣施寒丝童雨辰希月凝雷荣微玮蔷垒君阳永洁桃铭朝钢萍晖朋桦菲博雨皓恺骏凡雯宣则瑞佳至媛成思浩燃",
        strict=True,
    )
)
_JOINED_BY = ("store", "mini_program", "wecom", "referral", "event")
_ORDER = (
    *("order_id", "store_id", "person_id", "ordered_at", "paid_at", *(f"buyer_{name}" for name in IDENTIFIERS)),
    *("currency", "status", "salesperson_id", "platform", "account_id", "campaign"),
)
_BEIJING = pl.lit("Asia/Shanghai").alias("timezone")


def trunk(
    company: Company,
    settled: Settled,
    hidden: pl.DataFrame,
    accounts: pl.DataFrame,
    shopped: Shopping,
    traits: Traits,
    seed: int,
    part: int,
) -> tuple[World, pl.DataFrame]:
    """The trunk's world of these people, and phones that were written wrongly (person_id, identifier, first_day)."""
    people, first = settled.people, company.starts_on
    ended = pl.lit(company.ends_on + timedelta(days=1)).cast(pl.Datetime("us"))
    written = _misheard(relations.members(people, hidden, seed, first), traits, seed)
    members = _then(company, settled, written, "local_registered_at", "phone")
    follows, mistakes = _follows(company, settled, hidden, accounts, traits, seed)
    consents = relations.consents(people, hidden, seed, first, company.days)
    is_phone = pl.col("identifier_type") == "phone"
    dated = _then(company, settled, consents, "local_decided_at", "identifier", only=is_phone)
    refunds = shopping.refunds(company, shopped, seed, part)
    world = World(
        seed=seed,
        starts_on=first,
        ends_on=company.ends_on,
        stores=company.stores,
        products=company.products,
        staff=company.staff,
        people=people,
        latent=hidden,
        members=_utc(members.filter(pl.col("local_registered_at") < ended), "local_registered_at", "registered_at"),
        contacts=_contacts(people, accounts, seed),
        follows=follows,
        orders=shopped.orders.select(_ORDER),
        order_lines=shopped.lines.drop("order", "item"),
        refunds=refunds,
        consents=_utc(dated.filter(pl.col("local_decided_at") < ended), "local_decided_at", "decided_at"),
        truth=truth(people),
    )
    return world, pl.concat([shopped.mistakes, mistakes])


def _misheard(members: pl.DataFrame, traits: Traits, seed: int) -> pl.DataFrame:
    """Some names with another last character of the same sound, where there is one."""
    wrong = pl.Series(Chance(seed, "misheard names").happens(members.height, traits.name_typo))
    last = pl.col("name").str.slice(-1)
    other = last.replace_strict(_SOUNDS_LIKE, default=last, return_dtype=pl.String)
    start = pl.col("name").str.head(pl.col("name").str.len_chars() - 1)
    return members.with_columns(pl.when(wrong).then(start + other).otherwise("name").alias("name"))


def _rows(settled: Settled, frame: pl.DataFrame) -> Ints:
    """Row numbers of the people of a frame: their numbers follow each other."""
    first = int(settled.people["person_id"][0][1:])
    return (frame["person_id"].str.slice(1).cast(pl.Int64) - first).to_numpy()


def _then(
    company: Company, settled: Settled, frame: pl.DataFrame, at: str, phone: str, only: pl.Expr | None = None
) -> pl.DataFrame:
    """The phones of a frame as they were at the time of the row."""
    day = (frame[at].dt.date() - company.starts_on).dt.total_days().to_numpy()
    then = settled.phone_at(_rows(settled, frame), day).alias("_then")
    written = pl.col(phone).is_not_null() & (pl.lit(True) if only is None else only)
    return (
        frame.with_columns(then)
        .with_columns(pl.when(written).then("_then").otherwise(phone).alias(phone))
        .drop("_then")
    )


def _utc(frame: pl.DataFrame, local: str, name: str) -> pl.DataFrame:
    """The records' systems write Beijing time."""
    return frame.with_columns(_BEIJING).with_columns(utc(local).alias(name)).drop(local, "timezone")


def _contacts(people: pl.DataFrame, accounts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The trunk's contacts with corp_id; who is followed in both corps has another id in the second."""
    first = relations.contacts(people, seed).join(
        accounts.select("person_id", "corp_id", "second_corp_id", "second_external_userid"),
        on="person_id",
        maintain_order="left",
    )
    second = first.filter(pl.col("second_external_userid").is_not_null()).with_columns(
        pl.col("second_external_userid").alias("external_userid"), pl.col("second_corp_id").alias("corp_id")
    )
    return pl.concat([first, second]).drop("second_corp_id", "second_external_userid")


def _follows(
    company: Company, settled: Settled, hidden: pl.DataFrame, accounts: pl.DataFrame, traits: Traits, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The trunk's follow-ups with corp_id and the phones as staff typed them, right and wrong."""
    chance = Chance(seed, "typed phones")
    people = settled.people
    own = relations.follows(people, hidden, company.staff, seed, company.starts_on, company.days)
    spaced = own["remark_phone"].str.contains(" ")
    then = _then(company, settled, own, "local_followed_at", "remark_phone")
    typo = pl.Series(chance.happens(own.height, traits.phone_typo)) & then["remark_phone"].is_not_null()
    wrong = swapped_digits(then["remark_phone"], chance)
    typed = then.with_columns(
        pl.select(pl.when(typo).then(wrong).otherwise(then["remark_phone"])).to_series().alias("remark_phone")
    )
    day = (pl.col("local_followed_at").dt.date() - company.starts_on).dt.total_days().alias("first_day")
    mistakes = typed.filter(typo).select("person_id", pl.col("remark_phone").alias("identifier"), day)
    gapped = pl.col("remark_phone").str.slice(0, 3) + " " + pl.col("remark_phone").str.slice(3)
    written = typed.with_columns(
        pl.when(spaced.fill_null(False)).then(gapped).otherwise("remark_phone").alias("remark_phone")
    )
    known = written.join(accounts.select("person_id", "corp_id"), on="person_id", maintain_order="left")
    both = pl.concat([known, _second_follows(company, accounts, known, seed)])
    return _utc(both, "local_followed_at", "followed_at"), mistakes


def _second_follows(company: Company, accounts: pl.DataFrame, known: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One follow-up by somebody of the other corp for everybody who has a contact there, without a phone."""
    chance = Chance(seed, "second corp")
    twice = accounts.filter(pl.col("second_external_userid").is_not_null())
    earliest = known.unique("person_id", keep="first", maintain_order=True)
    able = company.staff.filter(pl.col("may_follow") & pl.col("store_id").is_not_null())
    frames = []
    for corp in (premises.MAINLAND_CORP, premises.OVERSEAS_CORP):
        here = twice.filter(pl.col("second_corp_id") == corp).select("person_id", "second_external_userid")
        staff = able.filter(pl.col("corp_id") == corp)["userid"]
        userid = staff.gather(chance.below(here.height, len(staff)))
        frames.append(
            here.join(earliest, on="person_id", maintain_order="left")
            .with_columns(
                userid.alias("userid"),
                userid.alias("oper_userid"),
                pl.col("second_external_userid").alias("external_userid"),
                pl.lit(corp).alias("corp_id"),
                pl.lit("").alias("description"),
                pl.lit(None, dtype=pl.String).alias("remark_phone"),
            )
            .filter(pl.col("local_followed_at").is_not_null())
            .select(known.columns)
        )
    return pl.concat(frames)


def visitors(
    company: Company, settled: Settled, accounts: pl.DataFrame, wants: pl.DataFrame, traits: Traits, seed: int
) -> pl.DataFrame:
    """One row per visitor of the H5 pages: visitor_id, person_id, known_from (civil date from which sign-ins show;
    null: since before the window, or never within it, see is_known)."""
    signs = pl.Series("signs", known_from(wants, traits, seed, company.days))
    frame = pl.DataFrame([accounts["visitor_id"], settled.people["person_id"], signs, wants["visits_h5"]])
    within = pl.col("signs").is_between(0, company.days - 1)
    return frame.filter("visits_h5").select(
        "visitor_id",
        "person_id",
        pl.when(within).then((pl.lit(company.starts_on) + pl.duration(days="signs")).cast(pl.Date)).alias("known_from"),
        (pl.col("signs") < company.days).alias("is_known"),
    )


def messages(company: Company, settled: Settled, life: Life) -> pl.DataFrame:
    """One row per campaign and invited person: campaign_id, person_id, channel, is_holdout (chosen at random, got
    nothing), sent_at (naive UTC; for the holdout: would have been), hour, before (messages of the 30 days before),
    uplift (the known chance of an additional order if sent), ordered_on (day of the window; null: no such order)."""
    frame = life.messages
    of = company.campaigns.select("campaign_id", "channel")[frame["campaign"].to_numpy()]
    second = frame["day"].to_numpy() * 86_400 + frame["hour"].to_numpy() * 3_600
    return pl.concat(
        [
            of,
            frame.select(
                settled.people["person_id"].gather(frame["person"]).alias("person_id"),
                "is_holdout",
                moment(company, "sent_at", second),
                "day",
                "hour",
                "before",
                "uplift",
                pl.when(pl.col("responds") >= 0).then("responds").alias("ordered_on"),
            ),
        ],
        how="horizontal",
    )


def memberships(
    settled: Settled, world: World, points: pl.DataFrame, amounts: Ints, shopped: Shopping, seed: int
) -> pl.DataFrame:
    """One row per membership: member_no, person_id, the other identifiers, name, gender, birth_date, level, status,
    source, store_id, referrer_member_no, growth_value, points_balance, joined_at."""
    chance = Chance(seed, "memberships")
    base = world.members.filter(pl.col("member_no").is_not_null())
    size = base.height
    spent = np.zeros(settled.people.height, dtype=np.int64)
    np.add.at(spent, shopped.orders["person"].to_numpy(), amounts)
    held = points.group_by("person_id", maintain_order=True).agg(pl.col("balance_after").last().alias("points_balance"))
    referrer = base["member_no"].gather(chance.below(size, size)) if size else base["member_no"]
    referred = pl.Series(chance.happens(size, 0.12)) & (referrer != base["member_no"])
    growth = pl.Series("growth_value", spent[_rows(settled, base)] // 100)
    level = pl.coalesce(pl.when(growth * 100 >= least).then(pl.lit(name)) for least, name in _LEVELS)
    return base.join(held, on="person_id", how="left", maintain_order="left").select(
        "member_no",
        "person_id",
        "unionid",
        "phone",
        "name",
        "gender",
        "birth_date",
        level.alias("level"),
        pl.Series("status", pl.Series(["active", "frozen", "cancelled"]).gather(chance.pick(size, (96, 2, 2)))),
        pl.Series("source", pl.Series(_JOINED_BY).gather(chance.pick(size, (45, 25, 15, 10, 5)))),
        "store_id",
        pl.select(pl.when(referred).then(referrer)).to_series().alias("referrer_member_no"),
        growth,
        pl.col("points_balance").fill_null(0),
        pl.col("registered_at").alias("joined_at"),
    )
