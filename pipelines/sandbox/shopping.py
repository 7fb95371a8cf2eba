"""Orders of the full company: where, when and of what; who sold, who receives; what the order tells of the buyer."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.sandbox import buying, needs, premises, relations, tariffs
from pipelines.sandbox.behaviour import Purchases
from pipelines.sandbox.chance import Bools, Chance, Ints
from pipelines.sandbox.channels import swapped_digits
from pipelines.sandbox.company import Company
from pipelines.sandbox.households import Settled
from pipelines.sandbox.numbering import serial
from pipelines.sandbox.roster import Roster
from pipelines.sandbox.switches import Traits

# What an order tells of its buyer, by platform: weights in the order of relations.PATTERNS.
_TELLS: dict[str, tuple[int, ...]] = {
    "pos": relations.IN_STORE,
    "mini_program": relations.ONLINE,
    "youzan": (10, 60, 0, 10, 0, 12, 8),
    # A marketplace shows masks; a membership bound to the shop is the one exact key.
    "taobao": (45, 0, 0, 0, 0, 0, 55),
    "jd": (30, 0, 0, 0, 0, 0, 70),
    "douyin": (25, 0, 0, 0, 0, 0, 75),
}
_PREFIX = {"pos": "", "mini_program": "MP", "youzan": "E", "taobao": "3", "jd": "2", "douyin": "6"}
MARKETPLACES = ("taobao", "jd", "douyin")  # never tell who the buyer is elsewhere
MASKING = (*MARKETPLACES, "youzan")
_STATUS = ("finished", "unpaid", "cancelled")
_LEVELS = (0, 5, 10, 15, 20, 30)  # per cent off
_CURRENCIES = tuple(premises.MINOR)


@dataclass(frozen=True)
class Shopping:
    """``orders``: one row per order, the trunk's columns and platform, account_id, campaign (row number, -1),
    person (row number), day, local_at, store_type, timezone. ``lines``: the trunk's. ``mistakes``: phones
    written wrongly (person_id, identifier, first_day)."""

    orders: pl.DataFrame
    lines: pl.DataFrame
    mistakes: pl.DataFrame


def shop(
    company: Company,
    settled: Settled,
    hidden: pl.DataFrame,
    wants: pl.DataFrame,
    purchases: Purchases,
    traits: Traits,
    seed: int,
    part: int,
) -> Shopping:
    """All orders of these purchases."""
    placed = _placed(company, settled, hidden, purchases, seed, part)
    placed = _served(company, placed, seed)
    placed, mistakes = _told(settled, placed, traits, seed)
    lines = _lines(company, placed, wants, seed)
    return Shopping(
        orders=placed,
        lines=lines,
        mistakes=mistakes,
    )


def _placed(
    company: Company, settled: Settled, hidden: pl.DataFrame, purchases: Purchases, seed: int, part: int
) -> pl.DataFrame:
    chance = Chance(seed, "orders")
    stores, shops, person, day = company.stores, company.shops, purchases.person, purchases.day
    size = len(person)
    number_of = {store_id: number for number, store_id in enumerate(stores["store_id"])}
    shop_rows = np.array([number_of[store_id] for store_id in shops["store_id"]])
    home = settled.people["home_store_id"].replace_strict(number_of, return_dtype=pl.Int64).to_numpy()[person]
    online = chance.happens(size, hidden["online"].to_numpy()[person])
    in_store = premises.open_store(stores, home, day, company.starts_on)
    store = np.where(online, shop_rows[chance.pick(size, shops["weight"].to_list())], in_store)
    hour = np.where(online, chance.pick(size, buying.ONLINE_HOURS), chance.pick(size, buying.HOURS))
    seconds = day * 86_400 + hour * 3_600 + chance.below(size, 3_600)
    status = np.where(purchases.campaign >= 0, 0, chance.pick(size, (945, 22, 33)))
    frame = pl.DataFrame(
        {
            "person": person,
            "day": day,
            "campaign": purchases.campaign,
            "local_at": np.datetime64(company.starts_on, "us") + seconds.astype("timedelta64[s]"),
            "store": store,
            "state": status,
            "wait": 20 + chance.below(size, 400),
        }
    ).sort("local_at", "store", "person", "campaign")
    platform = stores.join(shops, on="store_id", how="left", maintain_order="left").select(
        "store_id", "store_type", "currency", "timezone", pl.col("platform").fill_null("pos"), "account_id"
    )
    placed = pl.concat([frame, platform[frame["store"].to_numpy()]], how="horizontal")
    dated = pl.col("platform").replace_strict(_PREFIX, return_dtype=pl.String) + pl.col("local_at").dt.strftime(
        "%Y%m%d"
    )
    finished = pl.col("state") == 0
    return placed.with_columns(
        settled.people["person_id"].gather(placed["person"]).alias("person_id"),
        (dated + serial("", part, 7)).alias("order_id"),
        pl.when(finished & (pl.col("day") >= company.days - 3))
        .then(pl.lit("shipped"))
        .otherwise(pl.Series(_STATUS).gather(placed["state"]))
        .alias("status"),
        utc("local_at").alias("ordered_at"),
    ).with_columns(
        pl.when(finished).then(pl.col("ordered_at") + pl.duration(seconds="wait")).alias("paid_at"),
    )


def utc(local: str) -> pl.Expr:
    """Civil time of the column ``timezone`` to naive UTC. An hour that a clock skips is the next one."""
    zones = sorted({city.timezone for city in premises.CITIES})

    def there(moment: pl.Expr, zone: str) -> pl.Expr:
        known = moment.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return known.dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    skipped = pl.col(local) + pl.duration(hours=1)
    return pl.coalesce(
        pl.when(pl.col("timezone") == zone).then(pl.coalesce(there(pl.col(local), zone), there(skipped, zone)))
        for zone in zones
    )


def _served(company: Company, placed: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Adds salesperson_id: somebody who worked in the store on that day; the head of the store stands in."""
    chance = Chance(seed, "sales")
    roster = Roster(company)
    size = placed.height
    seat = roster.on_duty(chance, placed["store"].to_numpy(), placed["day"].to_numpy())
    served = pl.Series((placed["platform"] == "pos").to_numpy() & chance.happens(size, 0.85))
    return placed.with_columns(
        pl.when(served).then(roster.staff["userid"].gather(seat)).alias("salesperson_id"),
        pl.when(served).then(roster.staff["phone"].gather(seat)).alias("salesperson_phone"),
    )


def _told(settled: Settled, placed: pl.DataFrame, traits: Traits, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Adds the buyer_* of each order, right and wrong."""
    chance = Chance(seed, "buyers")
    size = placed.height
    platform = placed["platform"].to_numpy()
    pattern = np.zeros(size, dtype=np.int64)
    for name, weights in _TELLS.items():
        pattern = np.where(platform == name, chance.pick(size, weights), pattern)
    person = placed["person"].to_numpy()
    owned = settled.people.select("unionid", "member_no", "external_userid")[person].with_columns(
        settled.phone_at(person, placed["day"].to_numpy()).alias("phone")
    )
    told = relations.stated(pl.concat([placed, owned], how="horizontal"), pattern)
    secret = pl.col("platform").is_in(list(MARKETPLACES))
    told = told.with_columns(
        pl.when(~secret).then(name).alias(name) for name in ("buyer_phone", "buyer_unionid", "buyer_external_userid")
    )
    by_staff = told["salesperson_phone"].is_not_null() & told["buyer_phone"].is_not_null()
    instead = by_staff & pl.Series(chance.happens(size, traits.staff_phone))
    typo = by_staff & ~instead & pl.Series(chance.happens(size, traits.phone_typo))
    # Who lends his phone asks for nothing else: such an order carries no other identifier.
    wrong = swapped_digits(told["buyer_phone"], chance)
    told = told.with_columns(
        pl.when(instead).then("salesperson_phone").when(typo).then(wrong).otherwise("buyer_phone").alias("buyer_phone"),
        *(
            pl.when(instead).then(None).otherwise(name).alias(name)
            for name in ("buyer_member_no", "buyer_unionid", "buyer_external_userid")
        ),
        pl.Series("phone_is", instead.cast(pl.Int8) + typo.cast(pl.Int8) * 2),
    )
    mistakes = told.filter(pl.col("phone_is") == 2).select(
        "person_id", pl.col("buyer_phone").alias("identifier"), pl.col("day").alias("first_day")
    )
    return told.drop("salesperson_phone", "phone_is"), mistakes


def _lines(company: Company, placed: pl.DataFrame, wants: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The trunk's order lines; what is in them follows the person's need and the month, and promotions lower prices."""
    chance = Chance(seed, "lines")
    count = 1 + chance.pick(placed.height, (52, 27, 12, 6, 3))
    order = np.repeat(np.arange(placed.height), count)
    size = len(order)
    person, day = placed["person"].to_numpy(), placed["day"].to_numpy()
    month = needs.month_of(company.starts_on, day)
    item = needs.wanted(chance, wants["need"].to_numpy()[person][order], month[order], company.products)
    quantity = 1 + chance.pick(size, (80, 15, 5))
    percent = np.array(_LEVELS)[chance.pick(size, (52, 14, 14, 8, 8, 4))]
    # Who is moved by offers finds them.
    hunts = chance.happens(size, wants["moved_by_offers"].to_numpy()[person][order])
    percent = np.where(hunts, np.maximum(percent, 15), percent) + _promoted(company)[day][order]
    prices = tariffs.price_of(company.products)
    table = np.stack([prices[name] for name in _CURRENCIES])
    code = placed["currency"].replace_strict({name: n for n, name in enumerate(_CURRENCIES)}, return_dtype=pl.Int64)
    price = table[code.to_numpy()[order], item]
    first = np.arange(size) == np.repeat(np.cumsum(count) - count, count)
    discount = price * quantity * percent // 100 + _coupon(company, placed, order, first, price * quantity)
    return pl.DataFrame(
        {
            "order_id": placed["order_id"].gather(order),
            "store_id": placed["store_id"].gather(order),
            "line_no": (np.arange(size) - np.repeat(np.cumsum(count) - count, count) + 1).astype(np.int64),
            "product_id": company.products["product_id"].gather(item),
            "product_name": company.products["product_name"].gather(item),
            "quantity": quantity,
            "unit_price": price,
            "discount": discount,
            "paid_amount": price * quantity - discount,
            "order": order,
            "item": item,
        }
    )


def _promoted(company: Company) -> Ints:
    """Per cent off in addition, by day of the window."""
    off = np.zeros(company.days, dtype=np.int64)
    for since, until, percent in company.promotions.select("starts_on", "ends_on", "percent").iter_rows():
        low, high = (since - company.starts_on).days, (until - company.starts_on).days
        off[max(low, 0) : max(high + 1, 0)] = percent
    return off


def _coupon(company: Company, placed: pl.DataFrame, order: Ints, first: Bools, gross: Ints) -> Ints:
    """What the campaign's coupon takes off the first line of an order that it brought: at most half of the line."""
    campaign = placed["campaign"].to_numpy()[order]
    face = np.append(company.campaigns["face_amount"].to_numpy(), 0)[campaign]
    yuan = (placed["currency"] == "CNY").to_numpy()[order]
    return np.where(first & yuan & (campaign >= 0), np.minimum(face, gross // 2), 0)


def refunds(company: Company, shopped: Shopping, seed: int, part: int) -> pl.DataFrame:
    """The trunk's refunds with numbers of this part, at their time in UTC (refunded_at)."""
    found = buying.refunds(shopped.orders, shopped.lines.drop("order", "item"), seed, company.ends_on)
    zones = company.stores.select("store_id", "timezone")
    return (
        found.join(zones, on="store_id", maintain_order="left")
        .with_columns(
            (pl.lit(f"R{part:03d}") + pl.col("refund_id").str.slice(1)).alias("refund_id"),
            utc("local_at").alias("refunded_at"),
        )
        .drop("local_at", "timezone")
    )
