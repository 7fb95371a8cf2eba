"""The table of provinces, cities and districts (data/reference/regions) and the ways in which people write them."""

from dataclasses import dataclass
from functools import cache

import polars as pl

from models.settings import PROJECT_ROOT

DIVISIONS = PROJECT_ROOT / "data" / "reference" / "regions" / "divisions.csv"

_SPECIAL = ("香港特别行政区", "澳门特别行政区")
MUNICIPALITIES = ("北京市", "上海市", "天津市", "重庆市")
#: Provinces that are one city: the city is known with them.
ONE_CITY = {name: name for name in MUNICIPALITIES} | {"香港特别行政区": "香港", "澳门特别行政区": "澳门"}
_OTHER_PROVINCES = {
    **{"内蒙": "内蒙古自治区", "内蒙古省": "内蒙古自治区", "广西省": "广西壮族自治区", "西藏省": "西藏自治区"},
    **{
        "宁夏省": "宁夏回族自治区",
        "新疆省": "新疆维吾尔自治区",
        "新疆自治区": "新疆维吾尔自治区",
        "香港特区": "香港特别行政区",
    },
    **{"广西自治区": "广西壮族自治区", "宁夏自治区": "宁夏回族自治区", "澳门特区": "澳门特别行政区"},
}
_ABBREVIATIONS = {
    **{"京": "北京市", "津": "天津市", "沪": "上海市", "渝": "重庆市", "冀": "河北省", "豫": "河南省", "云": "云南省"},
    **{
        "辽": "辽宁省",
        "黑": "黑龙江省",
        "湘": "湖南省",
        "皖": "安徽省",
        "鲁": "山东省",
        "新": "新疆维吾尔自治区",
        "苏": "江苏省",
    },
    **{
        "浙": "浙江省",
        "赣": "江西省",
        "鄂": "湖北省",
        "桂": "广西壮族自治区",
        "甘": "甘肃省",
        "晋": "山西省",
        "陕": "陕西省",
    },
    **{
        "蒙": "内蒙古自治区",
        "吉": "吉林省",
        "闽": "福建省",
        "贵": "贵州省",
        "粤": "广东省",
        "青": "青海省",
        "藏": "西藏自治区",
    },
    **{
        "川": "四川省",
        "宁": "宁夏回族自治区",
        "琼": "海南省",
        "滇": "云南省",
        "黔": "贵州省",
        "蜀": "四川省",
        "陇": "甘肃省",
    },
}
_OTHER_CITIES = (
    ("香港特别行政区", "香港", ("香港岛", "港岛", "九龙", "新界")),
    ("澳门特别行政区", "澳门", ("澳门半岛", "澳门离岛")),
)
# 九龙 is a county of Sichuan and 西安 a district of Mudanjiang too: nobody means them who leaves the rest out
_SURE = ("香港", "西安市")
_OTHER_DISTRICTS = (("澳门", "嘉模堂区", "氹仔"), ("澳门", "圣方济各堂区", "路环"))


@dataclass(frozen=True)
class Spellings:
    """How divisions are written. ``provinces``: spelling, province, is_short. ``cities``: spelling, province, city,
    is_short, is_doubtful (a short form that is a district's elsewhere). ``districts``: spelling, province, city,
    district, code, is_short; where spellings of a city meet, the present division comes first. ``abbreviations``:
    abbreviation (one character), province. ``codes``: province, city (null: the province itself), upper_code."""

    provinces: pl.DataFrame
    cities: pl.DataFrame
    districts: pl.DataFrame
    abbreviations: pl.DataFrame
    codes: pl.DataFrame


@cache
def divisions() -> pl.DataFrame:
    """One row per division: code (GB/T 2260; null in Hong Kong, Macau and Taiwan), level, province, city, name, short,
    now (what a former division is called today, null when it was divided or merged), last_year (null: present)."""
    return pl.read_csv(DIVISIONS, schema_overrides={"code": pl.String, "last_year": pl.Int64})


@cache
def spellings() -> Spellings:
    """The spellings of every division, present and former; a former one is read as what it is called today."""
    table = divisions().with_columns(pl.coalesce("now", "name").alias("today"))
    provinces = _written(
        table.filter(pl.col("level") == "province").select("name", "short", pl.col("name").alias("province"))
    )
    others = pl.DataFrame({"spelling": list(_OTHER_PROVINCES), "province": list(_OTHER_PROVINCES.values())})
    provinces = pl.concat([provinces, others.with_columns(pl.lit(False).alias("is_short"))], how="diagonal")
    districts = _districts(table)
    return Spellings(
        provinces=provinces.select("spelling", "province", "is_short").unique(
            "spelling", keep="first", maintain_order=True
        ),
        cities=_cities(table, districts),
        districts=districts,
        abbreviations=pl.DataFrame({"abbreviation": list(_ABBREVIATIONS), "province": list(_ABBREVIATIONS.values())}),
        codes=table.filter((pl.col("level") != "district") & pl.col("last_year").is_null()).select(
            "province", "city", pl.col("code").alias("upper_code")
        ),
    )


def _written(named: pl.DataFrame) -> pl.DataFrame:
    """A row for the name and one for each shorter form: spelling, is_short and what else there is."""
    full = named.with_columns(pl.col("name").alias("spelling"), pl.lit(False).alias("is_short"))
    short = named.filter(pl.col("short").is_not_null() & (pl.col("short") != pl.col("name")))
    short = short.with_columns(pl.col("short").alias("spelling"), pl.lit(True).alias("is_short"))
    # 凉山州, 元江县: what nobody writes out
    kind = pl.col("name").str.extract("自治([州县旗])$", 1)
    brief = named.filter(kind.is_not_null() & pl.col("short").is_not_null()).with_columns(
        (pl.col("short") + kind).alias("spelling"), pl.lit(False).alias("is_short")
    )
    return pl.concat([full, brief, short]).drop("name", "short")


def _cities(table: pl.DataFrame, districts: pl.DataFrame) -> pl.DataFrame:
    named = table.filter(pl.col("level") == "city").sort("last_year", descending=True, nulls_last=False)
    cities = _written(named.select("name", "short", "province", pl.col("today").alias("city")))
    others = pl.DataFrame(
        [
            {"spelling": spelling, "province": province, "city": city, "is_short": True}
            for province, city, written in _OTHER_CITIES
            for spelling in written
        ]
    )
    cities = pl.concat([cities, others], how="diagonal").unique(
        ["spelling", "province"], keep="first", maintain_order=True
    )
    elsewhere = districts.filter(pl.col("is_short") & (pl.col("province") != "台湾省"))
    elsewhere = elsewhere.select("spelling", pl.col("city").alias("of"))
    doubtful = cities.join(elsewhere, on="spelling").filter(pl.col("city") != pl.col("of"))["spelling"].unique()
    is_doubtful = pl.col("is_short") & pl.col("spelling").is_in(doubtful.implode()) & ~pl.col("city").is_in(_SURE)
    return cities.with_columns(is_doubtful.alias("is_doubtful"))


def _districts(table: pl.DataFrame) -> pl.DataFrame:
    named = table.filter(pl.col("level") == "district").sort("last_year", descending=True, nulls_last=False)
    present = named.filter(pl.col("last_year").is_null()).select("city", "name", pl.col("code").alias("code_today"))
    coded = named.join(present, left_on=["city", "today"], right_on=["city", "name"], how="left", maintain_order="left")
    districts = _written(
        coded.select(
            "name",
            "short",
            "province",
            "city",
            pl.col("today").alias("district"),
            pl.coalesce("code_today", "code").alias("code"),
        )
    )
    others = pl.DataFrame(
        [{"city": city, "district": district, "spelling": word} for city, district, word in _OTHER_DISTRICTS]
    ).with_columns(pl.lit("澳门特别行政区").alias("province"), pl.lit(True).alias("is_short"))
    return pl.concat([districts, others], how="diagonal").unique(
        ["spelling", "city"], keep="first", maintain_order=True
    )
