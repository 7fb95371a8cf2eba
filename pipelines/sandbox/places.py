"""Where the demo company sells: cities, stores and shops."""

from dataclasses import dataclass
from datetime import date

import polars as pl


@dataclass(frozen=True)
class City:
    """``weight``: share of customers in thousandths."""

    name: str
    region: str
    country: str
    currency: str
    timezone: str
    weight: int


_SHANGHAI = "Asia/Shanghai"
CITIES: tuple[City, ...] = (
    City("上海", "华东", "CN", "CNY", _SHANGHAI, 170),
    City("杭州", "华东", "CN", "CNY", _SHANGHAI, 90),
    City("南京", "华东", "CN", "CNY", _SHANGHAI, 70),
    City("深圳", "华南", "CN", "CNY", _SHANGHAI, 120),
    City("广州", "华南", "CN", "CNY", _SHANGHAI, 110),
    City("北京", "华北", "CN", "CNY", _SHANGHAI, 130),
    City("天津", "华北", "CN", "CNY", _SHANGHAI, 45),
    City("武汉", "华中", "CN", "CNY", _SHANGHAI, 60),
    City("长沙", "华中", "CN", "CNY", _SHANGHAI, 45),
    City("成都", "西南", "CN", "CNY", _SHANGHAI, 60),
    City("香港", "港澳", "HK", "HKD", "Asia/Hong_Kong", 75),
    City("澳门", "港澳", "MO", "MOP", "Asia/Macau", 25),
)
ONLINE = "线上"  # the region of online shops

# store_id, name, type, city, day of opening
_STORES: tuple[tuple[str, str, str, str, date], ...] = (
    ("S001", "上海静安旗舰店", "direct", "上海", date(2018, 5, 1)),
    ("S002", "上海徐汇店", "direct", "上海", date(2019, 9, 12)),
    ("S003", "上海浦东店", "franchise", "上海", date(2021, 3, 20)),
    ("S004", "杭州湖滨店", "direct", "杭州", date(2019, 4, 18)),
    ("S005", "杭州滨江店", "franchise", "杭州", date(2022, 6, 1)),
    ("S006", "南京新街口店", "franchise", "南京", date(2020, 10, 1)),
    ("S007", "深圳福田店", "direct", "深圳", date(2018, 11, 8)),
    ("S008", "深圳南山店", "franchise", "深圳", date(2021, 12, 25)),
    ("S009", "广州天河店", "direct", "广州", date(2019, 1, 15)),
    ("S010", "广州越秀店", "agent", "广州", date(2022, 9, 9)),
    ("S011", "北京国贸店", "direct", "北京", date(2018, 8, 8)),
    ("S012", "北京三里屯店", "direct", "北京", date(2020, 6, 6)),
    ("S013", "天津和平店", "franchise", "天津", date(2021, 5, 1)),
    ("S014", "武汉楚河汉街店", "franchise", "武汉", date(2020, 12, 12)),
    ("S015", "长沙五一店", "agent", "长沙", date(2022, 4, 30)),
    ("S016", "成都太古里店", "franchise", "成都", date(2021, 9, 30)),
    ("S017", "香港铜锣湾店", "direct", "香港", date(2019, 7, 1)),
    ("S018", "香港尖沙咀店", "direct", "香港", date(2022, 12, 20)),
    ("S019", "香港沙田店", "franchise", "香港", date(2023, 8, 18)),
    ("S020", "澳门新马路店", "franchise", "澳门", date(2020, 12, 20)),
    ("S021", "天猫旗舰店", "online", "杭州", date(2018, 3, 8)),
    ("S022", "微信小程序商城", "online", "上海", date(2019, 11, 11)),
    ("S023", "京东自营店", "online", "北京", date(2020, 6, 18)),
    ("S024", "抖音旗舰店", "online", "广州", date(2021, 11, 1)),
)
#: Popularity of the online shops, in the order above.
SHOP_WEIGHTS = (45, 30, 15, 10)


def stores() -> pl.DataFrame:
    """One row per store: store_id, name, store_type, business_type, country, region, city, timezone, currency,
    opened_on. Online shops sell in CNY and have the region 线上."""
    cities = {city.name: city for city in CITIES}
    return pl.DataFrame(
        [
            {
                "store_id": store_id,
                "name": name,
                "store_type": kind,
                "business_type": "online_retail" if kind == "online" else "retail",
                "country": "CN" if kind == "online" else cities[city].country,
                "region": ONLINE if kind == "online" else cities[city].region,
                "city": city,
                "timezone": cities[city].timezone,
                "currency": "CNY" if kind == "online" else cities[city].currency,
                "opened_on": opened,
            }
            for store_id, name, kind, city, opened in _STORES
        ]
    )
