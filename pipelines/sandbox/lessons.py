"""Tea school, tea rooms and tea machines: leads and what was said to them, enrolments, visits, devices.

A lead is won with a chance that its person, its kind and the days without contact fix; that chance is the best score
that anybody can give it, and is kept beside it.
"""

from datetime import timedelta

import numpy as np
import polars as pl

from pipelines.sandbox import premises
from pipelines.sandbox.behaviour import Life
from pipelines.sandbox.browsing import BEIJING_SECONDS
from pipelines.sandbox.chance import Chance, Floats, Ints
from pipelines.sandbox.company import Company
from pipelines.sandbox.households import Settled
from pipelines.sandbox.numbering import serial
from pipelines.sandbox.roster import Roster
from pipelines.sandbox.switches import Effects

_LEADS_A_YEAR = 0.07  # for each person
# kind: product or course, name, price in minor units (CNY), class-hours, weight, share won when contacted at once
OFFERS: tuple[tuple[str, str, str, int, int, int, float], ...] = (
    ("course", "C-BASIC", "茶艺入门班", 198_000, 24, 34, 0.34),
    ("course", "C-PRO", "评茶员认证班", 580_000, 48, 20, 0.22),
    ("course", "C-KIDS", "少儿茶礼课", 268_000, 32, 16, 0.30),
    ("device", "M-100", "智能泡茶机 M100", 239_900, 0, 20, 0.26),
    ("group", "G-GIFT", "企业礼赠定制", 2_000_000, 0, 10, 0.15),
)
_OFFERED = ("kind", "object_id", "object_name", "amount", "hours")
_STAGES = ("new", "contacted", "qualified", "proposal", "won", "lost")
_SOURCES = ("wecom", "mini_program", "store", "douyin", "referral", "exhibition")
_SOURCE_LIFT = (1.1, 1.0, 1.25, 0.6, 1.5, 0.7)  # how the source moves the chance
_LOST = ("价格超预算", "时间不合适", "选择了别家", "联系不上", "暂时不需要")
# visit item, name, list price (CNY minor), weight
ITEMS = (
    ("V-SEAT", "茶室雅座 2 小时", 12_800, 40),
    ("V-TASTE", "三款茶品鉴", 9_800, 30),
    ("V-SHOW", "茶艺表演", 26_800, 10),
    ("V-ROOM", "包间半日", 58_800, 12),
    ("V-CARE", "茶疗肩颈 45 分钟", 19_800, 8),
)
_VISITORS, _VISIT_CHANNELS = 0.10, ("store", "meituan", "mini_program")


def leads(
    company: Company, settled: Settled, wants: pl.DataFrame, effects: Effects, seed: int, part: int
) -> pl.DataFrame:
    """One row per lead: lead_id, person_id, name, the identifiers, kind, object_id, object_name, source, stage, amount
    (minor units of CNY), store_id, staff_id, lost_reason, created_at, assigned_at, contacted_at (first follow-up),
    closed_at (naive UTC; null: not yet), delay_hours (from coming in to the first contact), won, best_score.
    """
    chance = Chance(seed, "leads")
    comes = chance.below(settled.people.height, 1_000) < _LEADS_A_YEAR * 1_000 * company.days / 365
    person = np.flatnonzero(comes & (settled.people["country"] == "CN").to_numpy())
    size = len(person)
    created = chance.below(size, company.days) * 86_400 + 28_800 + chance.below(size, 14 * 3_600)
    sequence = np.lexsort((person, created))
    person, created = person[sequence], created[sequence]
    offer = chance.pick(size, [weight for *_, weight, _ in OFFERS])
    source = chance.pick(size, (26, 24, 18, 16, 10, 6))
    delay = np.round(chance.lognormal(size, 7.0, 1.4), 2)
    score = _chance_to_win(wants, effects, person, offer, source, delay)
    won = chance.uniform(size) < score
    assigned = created + 600 + chance.below(size, 3_600)
    contacted = np.maximum(created + np.round(delay * 3_600).astype(np.int64), assigned + 60)
    closed = contacted + 86_400 + chance.below(size, 25 * 86_400)
    ends = company.days * 86_400
    open_stage = np.where(contacted < ends, 1 + chance.pick(size, (5, 3, 2)), 0)
    stage = np.where(closed < ends, np.where(won, 4, 5), open_stage)
    offers = pl.DataFrame(OFFERS, schema=[*_OFFERED, "weight", "share"], orient="row").select(_OFFERED)
    names = settled.known_as(person, created // 86_400)
    lost = pl.Series(_LOST).gather(chance.below(size, len(_LOST)))
    return pl.concat([names, offers[offer]], how="horizontal").with_columns(
        serial("L", part, 6).alias("lead_id"),
        pl.Series("source", pl.Series(_SOURCES).gather(source)),
        pl.Series("stage", pl.Series(_STAGES).gather(stage)),
        *_attended(company, settled, person, created // 86_400, chance),
        pl.when(pl.Series(stage == 5)).then(lost).alias("lost_reason"),
        moment(company, "created_at", created),
        moment(company, "assigned_at", assigned),
        moment(company, "contacted_at", contacted),
        moment(company, "closed_at", closed),
        pl.Series("closed_day", closed // 86_400),
        pl.Series("delay_hours", delay),
        pl.Series("won", won),
        pl.Series("best_score", score),
        pl.Series("person", person),
    )


def _chance_to_win(
    wants: pl.DataFrame, effects: Effects, person: Ints, offer: Ints, source: Ints, delay: Floats
) -> Floats:
    """By what is offered, where the lead came from, who it is, and the hours until the first contact."""
    fits = 0.5 + wants["moved_by_offers"].to_numpy()[person] * 0.6 + (wants["need"].to_numpy()[person] % 3 == 1) * 0.5
    base = np.array([share for *_, share in OFFERS])[offer] * np.array(_SOURCE_LIFT)[source] * fits
    # In steps of two hours, from a table: a power differs in its last bit between processors.
    waited = np.minimum(np.floor(delay / 2), 14 * 12).astype(np.int64)
    left = np.round((1 - effects.lead_delay) ** (np.arange(14 * 12 + 1) / 12), 9)
    return np.asarray(np.round(np.minimum(base, 0.95) * left[waited], 6))


def moment(company: Company, name: str, second: Ints) -> pl.Series:
    """Seconds of the window in Beijing's civil time as naive UTC; null after the window: it has not happened yet."""
    at = np.datetime64(company.starts_on, "us") + (second - BEIJING_SECONDS).astype("timedelta64[s]")
    return pl.select(pl.when(pl.Series(second < company.days * 86_400)).then(pl.Series(at))).to_series().alias(name)


def _attended(
    company: Company, settled: Settled, person: Ints, day: Ints, chance: Chance, names: tuple[str, ...] = ("staff_id",)
) -> list[pl.Series]:
    """store_id, the home store of each person or where it sends them on that day, and who of its staff serves, once for
    each of ``names``."""
    number = {store_id: row for row, store_id in enumerate(company.stores["store_id"])}
    home = settled.people["home_store_id"].replace_strict(number, return_dtype=pl.Int64).to_numpy()[person]
    store = premises.open_store(company.stores, home, day, company.starts_on)
    roster = Roster(company)
    staff = [roster.staff["userid"].gather(roster.on_duty(chance, store, day)).alias(name) for name in names]
    return [company.stores["store_id"].gather(store).alias("store_id"), *staff]


def _as_of(company: Company, settled: Settled, rows: pl.DataFrame, at: str) -> pl.DataFrame:
    """Rows that name a person, with the phone that he had at the time ``at``."""
    day = ((rows[at] + timedelta(seconds=BEIJING_SECONDS)).dt.date() - company.starts_on).dt.total_days()
    return rows.with_columns(settled.phone_at(rows["person"].to_numpy(), day.to_numpy()).alias("phone"))


def follow_ups(
    company: Company, settled: Settled, leads_of: pl.DataFrame, life: Life, seed: int, part: int
) -> pl.DataFrame:
    """One row per follow-up: follow_up_id, lead_id (null: care of a customer, a retention contact), person_id, name,
    the identifiers, staff_id, store_id, channel, content, outcome, followed_at (naive UTC), keeps (a customer)."""
    chance = Chance(seed, "follow-ups")
    keys = ["person_id", "name", "unionid", "member_no", "external_userid", "phone", "staff_id", "store_id"]
    reached = leads_of.filter(pl.col("contacted_at").is_not_null())
    ended = leads_of.filter(pl.col("closed_at").is_not_null())
    first = _as_of(company, settled, reached, "contacted_at").select(
        "lead_id",
        *keys,
        pl.lit("phone").alias("channel"),
        pl.format("首次联系，介绍{}，客户表示考虑一下", "object_name").alias("content"),
        pl.lit("reached").alias("outcome"),
        pl.col("contacted_at").alias("followed_at"),
        pl.lit(False).alias("keeps"),
    )
    last = _as_of(company, settled, ended, "closed_at").select(
        "lead_id",
        *keys,
        pl.lit("wecom").alias("channel"),
        pl.when("won").then(pl.lit("客户确认报名/下单，已发合同")).otherwise(pl.lit("客户明确不考虑")).alias("content"),
        pl.when("won").then(pl.lit("won")).otherwise(pl.lit("lost")).alias("outcome"),
        pl.col("closed_at").alias("followed_at"),
        pl.lit(False).alias("keeps"),
    )
    person, day = life.contacts["person"].to_numpy(), life.contacts["day"].to_numpy()
    at = day * 86_400 + 36_000 + chance.below(len(day), 30_000)
    care = settled.known_as(person, day).with_columns(
        pl.lit(None, dtype=pl.String).alias("lead_id"),
        *_attended(company, settled, person, day, chance),
        pl.lit("wecom").alias("channel"),
        pl.lit("老客关怀回访：问候近况，介绍新茶").alias("content"),
        pl.Series("outcome", pl.Series(["replied", "no_answer"]).gather(chance.pick(len(day), (6, 4)))),
        moment(company, "followed_at", at),
        life.contacts["kept"].alias("keeps"),
    )
    columns = ["lead_id", *keys, "channel", "content", "outcome", "followed_at", "keeps"]
    number = serial("F", part, 7)
    everything = pl.concat([first.select(columns), last.select(columns), care.select(columns)])
    return everything.sort("followed_at", "person_id", "lead_id").with_columns(number.alias("follow_up_id"))


def enrolments(company: Company, settled: Settled, leads_of: pl.DataFrame, seed: int, part: int) -> pl.DataFrame:
    """One row per enrolment (a lead for a course that was won): enrolment_id, lead_id, person_id, name, the
    identifiers, course_id, course_name, store_id, salesperson_id, teacher_id, status, currency, hours_bought,
    hours_gifted, hours_used, hours_refunded, paid_amount, enrolled_at, starts_on, expires_on."""
    chance = Chance(seed, "enrolments")
    won = leads_of.filter((pl.col("kind") == "course") & pl.col("won") & pl.col("closed_at").is_not_null())
    sold = _as_of(company, settled, won, "closed_at")
    size = sold.height
    weeks = np.maximum((company.days - sold["closed_day"].to_numpy()) // 7 - 1, 0)
    bought = sold["hours"].to_numpy()
    gifted = np.where(chance.happens(size, 0.3), 2, 0)
    pace = 1 + chance.below(size, 2)
    refunds = chance.happens(size, 0.06) & (weeks > 4)
    used = np.minimum(weeks * pace, np.where(refunds, bought // 4, bought + gifted))
    back = np.where(refunds, bought - np.minimum(used, bought), 0)
    state = np.where(refunds, 1, np.where(used >= bought + gifted, 2, 0))
    discount = np.array([100, 95, 90])[chance.pick(size, (60, 25, 15))]
    begins = (pl.col("closed_at") + pl.duration(days=7)).dt.date()
    return sold.select(
        serial("N", part, 6).alias("enrolment_id"),
        "lead_id",
        "person_id",
        "name",
        "unionid",
        "member_no",
        "external_userid",
        "phone",
        pl.col("object_id").alias("course_id"),
        pl.col("object_name").alias("course_name"),
        "store_id",
        pl.col("staff_id").alias("salesperson_id"),
        pl.col("staff_id").shift(1).over("store_id").fill_null(pl.col("staff_id")).alias("teacher_id"),
        pl.Series("status", pl.Series(["active", "refunded", "finished"]).gather(state)),
        pl.lit("CNY").alias("currency"),
        pl.Series("hours_bought", bought),
        pl.Series("hours_gifted", gifted.astype(np.int64)),
        pl.Series("hours_used", used.astype(np.int64)),
        pl.Series("hours_refunded", back.astype(np.int64)),
        pl.Series("paid_amount", sold["amount"].to_numpy() * discount // 100),
        pl.col("closed_at").alias("enrolled_at"),
        begins.alias("starts_on"),
        (begins + pl.duration(days=365)).cast(pl.Date).alias("expires_on"),
    )


def devices(company: Company, settled: Settled, leads_of: pl.DataFrame, seed: int, part: int) -> pl.DataFrame:
    """One row per tea machine that was sold: device_id (its serial number), product_id, person_id, phone, store_id,
    activated_at, warranty_until."""
    chance = Chance(seed, "devices")
    won = leads_of.filter((pl.col("kind") == "device") & pl.col("won") & pl.col("closed_at").is_not_null())
    sold = _as_of(company, settled, won, "closed_at")
    later = pl.lit(pl.Series(chance.below(sold.height, 12) + 1))
    return sold.select(
        serial("SN", part, 6).alias("device_id"),
        pl.col("object_id").alias("product_id"),
        "person_id",
        "phone",
        "store_id",
        (pl.col("closed_at") + pl.duration(days=later)).alias("activated_at"),
        (pl.col("closed_at") + pl.duration(days=later + 730)).dt.date().alias("warranty_until"),
    )


def visits(company: Company, settled: Settled, hidden: pl.DataFrame, life: Life, seed: int, part: int) -> pl.DataFrame:
    """One row per item of a visit to a tea room: visit_id, line_no, store_id, person_id, name, the identifiers,
    service_item_id, service_item, technician_id, salesperson_id, channel, status, currency, quantity, list_amount,
    paid_amount, booked_at, visited_at, ended_at, person and day (row number, day of the window)."""
    chance = Chance(seed, "visits")
    people = settled.people
    mainland = (people["country"] == "CN").to_numpy()
    goes = mainland & chance.happens(people.height, _VISITORS)
    count = np.where(goes, 1 + chance.pick(people.height, (30, 25, 20, 15, 10)), 0) * company.days // 365
    person = np.repeat(np.arange(people.height), count)
    day = chance.below(len(person), company.days)
    while_there = (day >= hidden["starts"].to_numpy()[person]) & (day <= life.leaves[person])
    person, day = person[while_there], day[while_there]
    sequence = np.lexsort((person, day))
    person, day = person[sequence], day[sequence]
    items = 1 + chance.pick(len(person), (75, 20, 5))
    visit = np.repeat(np.arange(len(person)), items)
    size = len(visit)
    item = chance.pick(size, [weight for *_, weight in ITEMS])
    start = day * 86_400 + 36_000 + chance.below(len(person), 36_000)
    state = chance.pick(len(person), (90, 6, 4))
    price = np.array([amount for _, _, amount, _ in ITEMS])[item]
    paid = price * np.array([100, 90, 80])[chance.pick(size, (60, 25, 15))] // 100
    attended = _attended(company, settled, person[visit], day[visit], chance, ("technician_id", "salesperson_id"))
    done = pl.Series(state == 0).gather(visit)
    return settled.known_as(person[visit], day[visit]).with_columns(
        pl.format("W{}{}", pl.lit(f"{part:03d}"), pl.Series(visit).cast(pl.String).str.zfill(7)).alias("visit_id"),
        pl.Series("line_no", np.arange(size) - np.repeat(np.cumsum(items) - items, items) + 1).cast(pl.String),
        *attended,
        pl.Series("service_item_id", pl.Series([code for code, *_ in ITEMS]).gather(item)),
        pl.Series("service_item", pl.Series([name for _, name, *_ in ITEMS]).gather(item)),
        pl.Series("channel", pl.Series(_VISIT_CHANNELS).gather(chance.pick(len(person), (50, 30, 20)))).gather(visit),
        pl.Series("status", pl.Series(["done", "cancelled", "no_show"]).gather(state)).gather(visit),
        pl.lit("CNY").alias("currency"),
        pl.lit(1, dtype=pl.Int64).alias("quantity"),
        pl.Series("list_amount", price),
        pl.when(done).then(pl.Series(paid)).otherwise(0).alias("paid_amount"),
        moment(company, "booked_at", start - 7_200 - chance.below(len(person), 200_000)).gather(visit),
        moment(company, "visited_at", start).gather(visit),
        pl.when(done).then(moment(company, "ended_at", start + 5_400).gather(visit)).alias("ended_at"),
        pl.Series("person", person[visit]),
        pl.Series("day", day[visit]),
    )
