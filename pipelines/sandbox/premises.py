"""Where the full company sells: the demo's stores and more, on the mainland and abroad, with their history; its corps,
apps and shops on platforms.

A store is open from ``opened_on`` to ``closed_on``; its type may change, which ``store_types`` dates.
"""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.sandbox import places
from pipelines.sandbox.chance import Ints
from pipelines.sandbox.places import City

CITIES: tuple[City, ...] = (
    *(replace(city, weight=city.weight - 6) for city in places.CITIES),
    City("新加坡", "海外", "SG", "SGD", "Asia/Singapore", 18),
    City("东京", "海外", "JP", "JPY", "Asia/Tokyo", 15),
    City("伦敦", "海外", "GB", "GBP", "Europe/London", 12),
)
#: Minor units of one unit of the currency.
MINOR = {"CNY": 100, "HKD": 100, "MOP": 100, "SGD": 100, "GBP": 100, "JPY": 1}
MAINLAND_CORP, OVERSEAS_CORP = "ww4fseasons0000001", "ww4fseasons0000002"
#: The company's application at Youzan.
YOUZAN_CLIENT = "yz5ea50n"
MINI_PROGRAM, MEMBER_CENTRE, H5_MALL = "wx5ea50n5mall00001", "wx5ea50n5club00002", "h5-fourseasons"

# store_id, name, type, city, first day and last day in days from the window's first one (null: as before, still open)
_MORE: tuple[tuple[str, str, str, str, float | None, float | None], ...] = (
    ("S025", "淘宝会员店", "online", "杭州", None, None),
    ("S026", "有赞茶礼店", "online", "上海", None, None),
    ("S027", "新加坡乌节店", "direct", "新加坡", None, None),
    ("S028", "东京银座店", "agent", "东京", None, None),
    ("S029", "伦敦考文特花园店", "direct", "伦敦", None, None),
    ("S030", "上海虹口店", "franchise", "上海", None, 0.55),
    ("S031", "杭州西溪店", "direct", "杭州", 0.35, None),
)
# store, share of the window after which it has the new type
_TYPE_CHANGES = (("S003", 0.5, "direct"), ("S012", 0.7, "franchise"), ("S015", 0.3, "franchise"))

# store, platform, account there (app key, shop or merchant number), popularity
_SHOPS = (
    ("S021", "taobao", "23100001", 34),
    ("S022", "mini_program", MINI_PROGRAM, 30),
    ("S023", "jd", "JD880123", 12),
    ("S024", "douyin", "DY4463312", 10),
    ("S025", "taobao", "23100002", 6),
    ("S026", "youzan", "44635512", 8),
)


def corps() -> pl.DataFrame:
    """One row per WeCom corp: corp_id, name."""
    return pl.DataFrame({"corp_id": [MAINLAND_CORP, OVERSEAS_CORP], "name": ["四季茶铺", "四季茶铺（国际）"]})


def apps() -> pl.DataFrame:
    """One row per app of the company: app_id, kind (mini_program, h5), name, store_id (the shop of its goods)."""
    return pl.DataFrame(
        {
            "app_id": [MINI_PROGRAM, MEMBER_CENTRE, H5_MALL],
            "kind": ["mini_program", "mini_program", "h5"],
            "name": ["四季茶铺商城", "四季茶铺会员中心", "四季茶铺 H5"],
            "store_id": ["S022", "S022", "S026"],
        }
    )


def shops() -> pl.DataFrame:
    """One row per shop on a platform: store_id, platform, account_id (app key, shop or merchant number), weight."""
    return pl.DataFrame(_SHOPS, schema=["store_id", "platform", "account_id", "weight"], orient="row")


def stores(starts_on: date, days: int) -> pl.DataFrame:
    """One row per store: the columns of the demo's stores, corp_id, closed_on. ``store_type`` is that of the last day.
    The stores of a city stand together."""
    cities = {city.name: city for city in CITIES}

    def day(share: float | None) -> date | None:
        return None if share is None else starts_on + timedelta(days=round(days * share))

    more = [
        {
            "store_id": store_id,
            "name": name,
            "store_type": kind,
            "business_type": "online_retail" if kind == "online" else "retail",
            "country": "CN" if kind == "online" else cities[city].country,
            "region": places.ONLINE if kind == "online" else cities[city].region,
            "city": city,
            "timezone": cities[city].timezone,
            "currency": "CNY" if kind == "online" else cities[city].currency,
            "opened_on": day(opened) or date(2022, 3, 1),
            "closed_on": day(closed),
        }
        for store_id, name, kind, city, opened, closed in _MORE
    ]
    rank = {city.name: number for number, city in enumerate(CITIES)}
    changed = {store_id: kind for store_id, _, kind in _TYPE_CHANGES}
    everywhere = pl.concat([places.stores(), pl.DataFrame(more)], how="diagonal")
    return everywhere.with_columns(
        pl.when(pl.col("country") != "CN")
        .then(pl.lit(OVERSEAS_CORP))
        .otherwise(pl.lit(MAINLAND_CORP))
        .alias("corp_id"),
        pl.coalesce(
            pl.col("store_id").replace_strict(changed, default=None, return_dtype=pl.String), "store_type"
        ).alias("store_type"),
    ).sort(pl.col("store_type") == "online", pl.col("city").replace_strict(rank, return_dtype=pl.Int64), "store_id")


def store_types(starts_on: date, days: int) -> pl.DataFrame:
    """One row per store and period of a type: store_id, store_type, valid_from (null: since it opened), valid_to
    (its last day; null: still so)."""
    now = stores(starts_on, days).select("store_id", "store_type")
    before = {row["store_id"]: row["store_type"] for row in places.stores().iter_rows(named=True)}
    rows: list[tuple[str, str, date | None, date | None]] = []
    for store_id, kind in now.iter_rows():
        share = next((part for changed, part, _ in _TYPE_CHANGES if changed == store_id), None)
        if share is None:
            rows.append((store_id, kind, None, None))
            continue
        turn = starts_on + timedelta(days=round(days * share))
        rows += [(store_id, before[store_id], None, turn - timedelta(days=1)), (store_id, kind, turn, None)]
    schema = {"store_id": pl.String, "store_type": pl.String, "valid_from": pl.Date, "valid_to": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def open_store(stores_of: pl.DataFrame, store: Ints, day: Ints, starts_on: date) -> Ints:
    """The stores (row numbers of ``stores_of``) where people buy who go to these on these days: a closed one or one
    that has not opened yet sends them to the first other of its city."""
    rows = stores_of.with_row_index("row").with_columns(
        (pl.col("opened_on") - starts_on).dt.total_days().alias("first"),
        (pl.col("closed_on") - starts_on).dt.total_days().fill_null(1 << 30).alias("last"),
    )
    always = rows.filter((pl.col("first") <= 0) & pl.col("closed_on").is_null() & (pl.col("store_type") != "online"))
    instead = rows.join(
        always.unique("city", keep="first").select("city", pl.col("row").alias("instead")),
        on="city",
        how="left",
        maintain_order="left",
    )
    first, last, other = (
        instead.select(pl.col(name).cast(pl.Int64).fill_null(0)).to_series().to_numpy()
        for name in ("first", "last", "instead")
    )
    shut = (day < first[store]) | (day > last[store])
    return np.asarray(np.where(shut, other[store], store))
