"""How people buy: latent purchase rates and the moment they leave; orders, their lines and refunds follow from these.

A person buys at intervals around a gap of his own (Erlang, so that "late by his own measure" means something) in a
clock that runs faster in the season's waves, slows down for some before they leave, and stops when they leave.
Recency alone cannot tell a slow buyer from one who left; gaps and frequency together can, but not for sure.
"""

from datetime import date

import numpy as np
import polars as pl

from pipelines.sandbox.chance import Chance, Floats, Ints
from pipelines.sandbox.places import SHOP_WEIGHTS

WARM_UP = 240  # days before the window in which people may already buy; those orders are not kept
_GAP_DAYS, _GAP_SPREAD, _GAP_LEAST, _GAP_MOST = 49.0, 0.8, 9.0, 180.0
_LIFE_DAYS = 800.0
_ONCE_ONLY = 0.04  # share who leave right after the first purchase
REGULARITY = 6
_FADE_DAYS, _FADE = 50.0, 1.2  # before leaving, gaps grow by this factor
# Spring Festival, the only wave that the solar calendar does not fix.
_SPRING = {2023: date(2023, 1, 22), 2024: date(2024, 2, 10), 2025: date(2025, 1, 29), 2026: date(2026, 2, 17)}
_SPRING |= {2027: date(2027, 2, 6), 2028: date(2028, 1, 26)}
HOURS = (2, 1, 0, 0, 0, 1, 3, 8, 18, 32, 52, 60, 58, 50, 48, 50, 54, 60, 70, 78, 72, 50, 22, 8)
ONLINE_HOURS = (22, 10, 4, 2, 2, 4, 10, 22, 32, 42, 50, 48, 50, 46, 42, 42, 42, 44, 50, 62, 78, 84, 70, 44)


def latent(people: pl.DataFrame, seed: int, days: int) -> pl.DataFrame:
    """One row per person, the hidden truth of the behaviour: person_id, gap_days, starts and leaves (days from the
    window's first day; negative: before it), online (preference for online shops), discount (taste for offers)."""
    chance = Chance(seed, "latent")
    size = people.height
    gap = np.clip(chance.lognormal(size, _GAP_DAYS, _GAP_SPREAD), _GAP_LEAST, _GAP_MOST)
    starts = np.round(chance.uniform(size) * (WARM_UP + days * 0.93) - WARM_UP, 4)
    # Frequent buyers stay somewhat longer.
    life = chance.exponential(size) * _LIFE_DAYS * np.where(gap < _GAP_DAYS, 1.25, 0.9)
    life = np.where(chance.happens(size, _ONCE_ONLY), 0.01, life)
    return pl.DataFrame(
        {
            "person_id": people["person_id"],
            "gap_days": gap,
            "starts": starts,
            "leaves": np.round(starts + life, 4),
            "fades": chance.happens(size, 0.5),
            "online": np.round(chance.uniform(size) * chance.uniform(size), 4),
        }
    )


def season(first: date, days: int) -> Floats:
    """Speed of the buying clock for each day of the warm-up and the window; 1 is an ordinary weekday."""
    day = np.datetime64(first, "D") - WARM_UP + np.arange(WARM_UP + days)
    year = day.astype("datetime64[Y]")
    of_year = (day - year.astype("datetime64[D]")).astype(np.int64)
    weekday = (day.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    speed = np.where(weekday >= 5, 1.25, 1.0)
    waves = ((304, 315, 1.7), (344, 346, 1.4), (151, 169, 1.4), (273, 280, 1.25), (354, 366, 1.2), (65, 67, 1.3))
    for start, end, factor in waves:
        speed = np.where((of_year >= start) & (of_year <= end), speed * factor, speed)
    for festival in _SPRING.values():
        away = (day - np.datetime64(festival, "D")).astype(np.int64)
        speed = np.where((away >= -18) & (away < -1), speed * 1.4, speed)
        speed = np.where((away >= -1) & (away < 7), speed * 0.55, speed)
    return np.asarray(speed, dtype=np.float64)


def purchases(hidden: pl.DataFrame, seed: int, first: date, days: int) -> tuple[Ints, Ints]:
    """(index of the person, day of the window) of every purchase, in rounds: everybody's n-th purchase at once."""
    chance = Chance(seed, "purchases")
    clock = np.concatenate([[0.0], np.cumsum(season(first, days))])
    gap, leaves = hidden["gap_days"].to_numpy(), hidden["leaves"].to_numpy() + WARM_UP
    fades = hidden["fades"].to_numpy()
    who = np.arange(hidden.height)
    start = np.floor(hidden["starts"].to_numpy() + WARM_UP).astype(np.int64)
    at = clock[start] + chance.uniform(hidden.height) * (clock[start + 1] - clock[start])
    people, when = [], []
    while len(who):
        day = np.searchsorted(clock, at, side="right") - 1
        alive = (day < WARM_UP + days) & (day <= leaves[who])
        who, at, day = who[alive], at[alive], day[alive]
        people.append(who)
        when.append(day - WARM_UP)
        slow = np.where(fades[who] & (leaves[who] - day < _FADE_DAYS), _FADE, 1.0)
        at = at + gap[who] * slow * chance.erlang(len(who), REGULARITY)
    person, bought = np.concatenate(people), np.concatenate(when)
    kept = bought >= 0
    return person[kept], bought[kept].astype(np.int64)


def orders(
    people: pl.DataFrame, hidden: pl.DataFrame, stores: pl.DataFrame, seed: int, first: date, days: int
) -> pl.DataFrame:
    """One row per order: order_id, store_id, person_id, store_type, currency, local_at (the store's civil time),
    paid (bool), status. Two stores may use the same order number."""
    chance = Chance(seed, "orders")
    person, day = purchases(hidden, seed, first, days)
    size = len(person)
    shops = stores.filter(pl.col("store_type") == "online")["store_id"]
    online = chance.happens(size, hidden["online"].to_numpy()[person])
    shop = shops.gather(chance.pick(size, SHOP_WEIGHTS))
    hour = np.where(online, chance.pick(size, ONLINE_HOURS), chance.pick(size, HOURS))
    seconds = day * 86_400 + hour * 3_600 + chance.below(size, 3_600)
    status = pl.Series(["finished", "unpaid", "cancelled"]).gather(chance.pick(size, (945, 22, 33)))
    placed = pl.DataFrame(
        {
            "person_id": people["person_id"].gather(person),
            "store_id": pl.select(
                pl.when(pl.Series(online)).then(shop).otherwise(people["home_store_id"].gather(person))
            ).to_series(),
            "local_at": pl.Series(np.datetime64(first, "us") + seconds.astype("timedelta64[s]")),
            "status": status,
            "days_left": days - 1 - day,
        }
    ).join(stores.select("store_id", "store_type", "currency", "timezone"), on="store_id", maintain_order="left")
    return (
        placed.sort("local_at", "store_id", "person_id")
        .with_columns(
            pl.when((pl.col("status") == "finished") & (pl.col("days_left") < 3))
            .then(pl.lit("shipped"))
            .otherwise("status")
            .alias("status"),
            (
                pl.col("local_at").dt.strftime("%Y%m%d")
                + pl.int_range(1, pl.len() + 1)
                .over(pl.col("local_at").dt.date(), "store_id")
                .cast(pl.String)
                .str.zfill(5)
            ).alias("order_id"),
        )
        .drop("days_left")
    )


def order_lines(placed: pl.DataFrame, products: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One row per order line: order_id, store_id, line_no, product_id, product_name, quantity, unit_price, discount,
    paid_amount (minor units of the order's currency; quantity x unit_price = discount + paid_amount)."""
    chance = Chance(seed, "lines")
    count = 1 + chance.pick(placed.height, (52, 27, 12, 6, 3))
    order = np.repeat(np.arange(placed.height), count)
    size = len(order)
    item = chance.pick(size, products["weight"].to_list())
    quantity = 1 + chance.pick(size, (80, 15, 5))
    percent = np.array([0, 5, 10, 15, 20, 30])[chance.pick(size, (52, 14, 14, 8, 8, 4))]
    yuan = (placed["currency"] == "CNY").to_numpy()[order]
    price = np.where(yuan, products["price_cny"].to_numpy()[item], products["price_hkd"].to_numpy()[item])
    discount = price * quantity * percent // 100
    return pl.DataFrame(
        {
            "order_id": placed["order_id"].gather(order),
            "store_id": placed["store_id"].gather(order),
            "line_no": (np.arange(size) - np.repeat(np.cumsum(count) - count, count) + 1).astype(np.int64),
            "product_id": products["product_id"].gather(item),
            "product_name": products["product_name"].gather(item),
            "quantity": quantity,
            "unit_price": price,
            "discount": discount,
            "paid_amount": price * quantity - discount,
        }
    )


_REASONS = ("七天无理由", "质量问题", "发错货", "不喜欢", "包装破损")


def refunds(placed: pl.DataFrame, lines: pl.DataFrame, seed: int, last: date) -> pl.DataFrame:
    """One row per refunded line: refund_id, line_no, order_id, order_line_no, store_id, person_id, buyer_phone (as on
    the order), local_at, product_id, quantity (null when money alone went back), refund_amount, currency, status,
    reason.

    Two thirds give a whole line back, the others a part; one in fifty names an order from before the window. Many
    fall into a later month than the sale; none after ``last``.
    """
    chance = Chance(seed, "refunds")
    sold = lines.join(
        placed.select("order_id", "store_id", "person_id", "buyer_phone", "local_at", "currency", "status"),
        on=["order_id", "store_id"],
        maintain_order="left",
    ).filter(pl.col("status").is_in(["finished", "shipped"]))
    size = sold.height
    whole = chance.happens(size, 0.66)
    percent = 10 + chance.below(size, 60)
    later = 86_400 * (1 + chance.below(size, 34)) + 32_400 + chance.below(size, 43_200)  # 9:00 to 21:00
    amount = sold["paid_amount"].to_numpy()
    chosen = sold.with_columns(
        pl.Series("given_back", chance.happens(size, 0.042)),
        pl.Series("whole", whole),
        pl.Series("refund_amount", np.where(whole, amount, np.maximum(amount * percent // 100, 1))),
        pl.Series("reason", pl.Series(_REASONS).gather(chance.pick(size, (40, 18, 8, 24, 10)))),
        pl.Series("unlinked", chance.happens(size, 0.02)),
        (pl.col("local_at").dt.truncate("1d") + pl.Series(later * 1_000_000).cast(pl.Duration("us"))).alias("refunded"),
    ).filter(pl.col("given_back") & (pl.col("refunded").dt.date() <= last))
    return chosen.sort("refunded", "store_id", "order_id", "line_no").select(
        (pl.lit("R") + pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(8)).alias("refund_id"),
        pl.lit(1, dtype=pl.Int64).alias("line_no"),
        pl.when("unlinked")
        .then(pl.lit("19990101") + pl.col("order_id").str.slice(8))
        .otherwise("order_id")
        .alias("order_id"),
        pl.when("unlinked").then(None).otherwise("line_no").alias("order_line_no"),
        "store_id",
        "person_id",
        "buyer_phone",
        pl.col("refunded").alias("local_at"),
        "product_id",
        pl.when("whole").then("quantity").alias("quantity"),
        "refund_amount",
        "currency",
        pl.lit("success").alias("status"),
        "reason",
    )
