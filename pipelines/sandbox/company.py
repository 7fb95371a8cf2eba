"""The full company, as far as it does not depend on any single customer: premises, staff, goods, campaigns, tables.

It is drawn once and shared by all parts of a large population (``FullWorld``).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.sandbox import catalogue, premises, tariffs
from pipelines.sandbox import people as population
from pipelines.sandbox.chance import Chance
from pipelines.sandbox.numbering import MOST_PARTS, PART_PEOPLE, Numbering

_STAFF_NUMBERS = 900  # the range of phone numbers that staff take; parts of the population end before it
_MOVES, _DAYS_BETWEEN_CAMPAIGNS = 0.15, 9
HOLDOUT = 0.2  # share of a campaign's audience that is left alone, at random
_CAMPAIGNS = (
    ("新茶尝鲜", "wecom", 2_000, 16_800),
    ("老客回馈", "sms", 3_000, 19_900),
    ("会员日", "wecom", 1_500, 9_900),
    ("礼盒预售", "wecom", 5_000, 39_900),
)


@dataclass(frozen=True)
class Company:
    """Frames, one grain each: corps (corp_id), apps (app_id), shops (store_id), stores (store_id), store_types
    (store_id, valid_from), staff (userid: the demo's columns, phone, corp_id, hired_on, left_on), staff_stores (userid,
    valid_from), products (product_id), campaigns (campaign_id: name, channel, day (of the window), face_amount,
    threshold_amount), promotions (promotion_id), holidays (day), fx_rates (rate_date, base_currency), tax_rates
    (jurisdiction, category, tax), costs (product_id, valid_from).
    """

    seed: int
    customers: int
    part_people: int
    starts_on: date
    ends_on: date
    corps: pl.DataFrame
    apps: pl.DataFrame
    shops: pl.DataFrame
    stores: pl.DataFrame
    store_types: pl.DataFrame
    staff: pl.DataFrame
    staff_stores: pl.DataFrame
    products: pl.DataFrame
    campaigns: pl.DataFrame
    promotions: pl.DataFrame
    holidays: pl.DataFrame
    fx_rates: pl.DataFrame
    tax_rates: pl.DataFrame
    costs: pl.DataFrame

    @property
    def days(self) -> int:
        return (self.ends_on - self.starts_on).days + 1

    @property
    def parts(self) -> int:
        """How many parts the customers make."""
        return -(-self.customers // self.part_people)

    @classmethod
    def plan(cls, customers: int, seed: int, ends_on: date, days: int, part_people: int = PART_PEOPLE) -> "Company":
        """The company that serves so many customers in the ``days`` that end with ``ends_on``, in parts of so many.

        Raises ValueError for no customers, and for more than MOST_PARTS parts hold.
        """
        if not 1 <= customers <= MOST_PARTS * part_people:
            raise ValueError(f"a company has 1 to {MOST_PARTS * part_people:,} customers, not {customers:,}")
        first = ends_on - timedelta(days=days - 1)
        stores = premises.stores(first, days)
        staff, staff_stores = _staff(customers, seed, stores, first, days)
        products = catalogue.products()
        return cls(
            seed=seed,
            customers=customers,
            part_people=part_people,
            starts_on=first,
            ends_on=ends_on,
            corps=premises.corps(),
            apps=premises.apps(),
            shops=premises.shops(),
            stores=stores,
            store_types=premises.store_types(first, days),
            staff=staff,
            staff_stores=staff_stores,
            products=products,
            campaigns=_campaigns(days),
            promotions=tariffs.promotions(first, ends_on),
            holidays=tariffs.holidays(first, ends_on),
            fx_rates=tariffs.fx_rates(seed, first, ends_on),
            tax_rates=tariffs.tax_rates(first),
            costs=tariffs.costs(products, seed, first, days),
        )


def _staff(
    customers: int, seed: int, stores: pl.DataFrame, first: date, days: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The staff, and where each worked from when to when; ``store_id`` of a member of staff is the present one."""
    chance = Chance(seed, "staff history")
    staff = population.staff(customers, seed, stores)
    size = staff.height
    numbers = Numbering(seed, _STAFF_NUMBERS)
    countries = pl.Series(["CN"] * size)
    hired = first - timedelta(days=1_500) + pl.Series(chance.below(size, 1_400) * 86_400_000).cast(pl.Duration("ms"))
    turn = 30 + chance.below(size, days - 60)
    moved_on = pl.Series(np.datetime64(first, "D") + turn.astype("timedelta64[D]")).cast(pl.Date)
    known = staff.join(
        stores.select("store_id", "corp_id"), on="store_id", how="left", maintain_order="left"
    ).with_columns(
        pl.col("corp_id").fill_null(premises.MAINLAND_CORP),
        population.phones(chance, countries, numbers).alias("phone"),
        pl.Series("hired_on", hired).cast(pl.Date),
        pl.when(pl.col("status") == 5).then(moved_on).alias("left_on"),
    )
    # Who moved came from the next store of the same corp; heads of a store and who left stay where they are.
    home = known.filter(pl.col("store_id").is_not_null() & (pl.col("status") == 1))
    before = home.with_columns(
        pl.col("store_id").shift(-1).over("corp_id").alias("before"),
        pl.Series("on", moved_on).gather(home.with_row_index()["index"]),
    )
    moves = before.filter(
        pl.Series(chance.happens(home.height, _MOVES))
        & (pl.col("before") != pl.col("store_id"))
        & (pl.col("position") == "导购")
    ).select("userid", "before", "on")
    history = known.filter(pl.col("store_id").is_not_null()).join(moves, on="userid", how="left", maintain_order="left")
    earlier = history.filter(pl.col("before").is_not_null()).select(
        "userid",
        pl.col("before").alias("store_id"),
        pl.col("hired_on").alias("valid_from"),
        (pl.col("on") - pl.duration(days=1)).cast(pl.Date).alias("valid_to"),
    )
    now = history.select(
        "userid", "store_id", pl.coalesce("on", "hired_on").alias("valid_from"), pl.col("left_on").alias("valid_to")
    )
    return known, pl.concat([earlier, now]).sort("userid", "valid_from")


def _campaigns(days: int) -> pl.DataFrame:
    rows = [
        (f"CP{number:03d}", f"{name}第{number}期", channel, day, face, threshold)
        for number, day in enumerate(range(20, days - 10, _DAYS_BETWEEN_CAMPAIGNS), start=1)
        for name, channel, face, threshold in (_CAMPAIGNS[number % len(_CAMPAIGNS)],)
    ]
    schema = ["campaign_id", "name", "channel", "day", "face_amount", "threshold_amount"]
    return pl.DataFrame(rows, schema=schema, orient="row")
