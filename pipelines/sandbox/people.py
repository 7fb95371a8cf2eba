"""Who lives in the world: people with every identifier they own, and the staff of the stores."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from pipelines.sandbox.chance import Chance, Ints, distinct_numbers
from pipelines.sandbox.numbering import Numbering
from pipelines.sandbox.places import CITIES, City

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余"
    "于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖"
)
_SURNAME_WEIGHTS = tuple(700 - 10 * rank for rank in range(len(SURNAMES)))
_FEMALE = "芳娜敏静丽艳娟霞秀燕玲桂婷雪慧莹洁琳颖佳欣怡梦瑶雨萱诗涵思彤语晨曦悦宁蕾蓉薇岚"
_MALE = "伟强磊军洋勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆博文子轩泽翔睿嘉豪志远承恩昊然"
_MAINLAND_PREFIXES = (
    *("130", "131", "132", "133", "135", "136", "137", "138", "139", "150", "151", "152", "153", "155", "156"),
    *("157", "158", "159", "166", "173", "176", "177", "178", "180", "181", "182", "183", "185", "186", "187"),
    *("188", "189", "191", "198", "199"),
)
_HONG_KONG_PREFIXES = ("61", "63", "64", "65", "69", "94", "96", "97")
_MACAU_PREFIXES = ("62", "63", "65")
_OLDEST, _YOUNGEST = 65, 18


def names(chance: Chance, female: pl.Series) -> pl.Series:
    """Chinese names: a surname by its frequency and one or two characters that fit the gender."""
    size = len(female)
    surname = pl.Series(list(SURNAMES)).gather(chance.pick(size, _SURNAME_WEIGHTS))
    women = [pl.Series(list(_FEMALE)).gather(chance.below(size, len(_FEMALE))) for _ in range(2)]
    men = [pl.Series(list(_MALE)).gather(chance.below(size, len(_MALE))) for _ in range(2)]
    parts = pl.DataFrame(
        {"female": female, "surname": surname, "two": chance.happens(size, 0.78)}
        | {f"w{number}": part for number, part in enumerate(women)}
        | {f"m{number}": part for number, part in enumerate(men)}
    )
    given = [pl.when("female").then(f"w{number}").otherwise(f"m{number}") for number in range(2)]
    return parts.select(
        (pl.col("surname") + given[0] + pl.when("two").then(given[1]).otherwise(pl.lit(""))).alias("name")
    ).to_series()


def people(
    customers: int,
    seed: int,
    ends_on: date,
    stores: pl.DataFrame,
    cities: Sequence[City] = CITIES,
    numbering: Numbering | None = None,
) -> pl.DataFrame:
    """One row per person: person_id, name, gender, birth_date, city, country, home_store_id, and the identifiers
    phone (E.164), unionid, member_no, external_userid, each null when the person has none; at least one is there.
    """
    chance = Chance(seed, "people")
    numbering = numbering or Numbering(seed)
    first = numbering.first_person + 1
    female = pl.Series("female", chance.happens(customers, 0.66))
    city = chance.pick(customers, [place.weight for place in cities])
    days = (_OLDEST - _YOUNGEST) * 365
    age_days = _YOUNGEST * 365 + np.minimum(chance.below(customers, days), chance.below(customers, days))
    frame = pl.DataFrame(
        {
            "person_id": [f"p{number:07d}" for number in range(first, first + customers)],
            "name": names(Chance(seed, "names"), female),
            "gender": female.replace_strict({True: "female", False: "male"}, return_dtype=pl.String),
            "birth_date": pl.Series(np.datetime64(ends_on, "D") - age_days.astype("timedelta64[D]")).cast(pl.Date),
            "city": pl.Series([place.name for place in cities]).gather(city),
            "country": pl.Series([place.country for place in cities]).gather(city),
            "home_store_id": _home_stores(chance, city, stores, cities),
        }
    )
    return pl.concat([frame, _identifiers(frame, seed, numbering)], how="horizontal")


def _home_stores(chance: Chance, city: Ints, stores: pl.DataFrame, cities: Sequence[City]) -> pl.Series:
    shops = stores.filter(pl.col("store_type") != "online")
    numbers = [np.flatnonzero((shops["city"] == place.name).to_numpy()) for place in cities]
    first = np.array([found[0] for found in numbers])  # the stores of a city stand together
    count = np.array([len(found) for found in numbers])
    return shops["store_id"].gather(first[city] + chance.below(len(city), count[city]))


def _identifiers(frame: pl.DataFrame, seed: int, numbering: Numbering) -> pl.DataFrame:
    chance = Chance(seed, "identifiers")
    size = frame.height
    external = chance.happens(size, 0.66)
    member = chance.happens(size, 0.72)
    unionid = chance.happens(size, 0.62)
    phone = chance.happens(size, 0.93) | ~(external | member | unionid)
    owned = pl.DataFrame(
        {
            "phone": phones(chance, frame["country"], numbering),
            "unionid": pl.Series(chance.codes(size, "o", 27)),
            "member_no": pl.Series(
                distinct_numbers(size, numbering.seed, 9, 2, numbering.first_person) + 8_000_000_000
            ).cast(pl.String),
            "external_userid": pl.Series(chance.codes(size, "wm", 30)),
            "has_phone": phone,
            "has_unionid": unionid,
            "has_member_no": member,
            "has_external_userid": external,
        }
    )
    return owned.select(
        pl.when(f"has_{name}").then(name).alias(name) for name in ("phone", "unionid", "member_no", "external_userid")
    )


# country, dial code, prefixes, digits after them, most that the country may be of the population. The order is fixed.
_PLANS: tuple[tuple[str, str, tuple[str, ...], int, float], ...] = (
    ("CN", "+86", _MAINLAND_PREFIXES, 8, 1.0),
    ("HK", "+852", _HONG_KONG_PREFIXES, 6, 0.12),
    ("MO", "+853", _MACAU_PREFIXES, 6, 0.05),
    ("SG", "+65", ("81", "82", "91", "92", "96", "97"), 6, 0.04),
    ("JP", "+81", ("801", "802", "901", "902"), 7, 0.04),
    ("GB", "+44", ("7400", "7401", "7402", "7500"), 6, 0.04),
)


def phones(chance: Chance, country: pl.Series, numbering: Numbering) -> pl.Series:
    """A different valid mobile number for everybody, E.164, by the plan of the country."""
    phone = np.full(len(country), "", dtype="U16")
    for salt, (code, dial, prefixes, digits, share) in enumerate(_PLANS, start=11):
        here = np.flatnonzero((country == code).to_numpy())
        if not len(here):
            continue
        start = np.array([dial + prefix for prefix in prefixes])[chance.below(len(here), len(prefixes))]
        number = distinct_numbers(len(here), numbering.seed, digits, salt, numbering.first_phone(share))
        phone[here] = np.char.add(start, np.char.zfill(number.astype(f"U{digits}"), digits))
    return pl.Series(phone)


HEADQUARTERS = 1  # WeCom's root department
_CUSTOMERS_PER_STAFF = 210
_POSITIONS = ("店长", "高级导购", "导购")


def staff(customers: int, seed: int, stores: pl.DataFrame) -> pl.DataFrame:
    """One row per member of staff: userid, name, position, store_id (null at headquarters), department_id,
    status (WeCom: 1 active, 2 disabled, 5 left), may_follow (has the right to contact customers)."""
    each = max(3, -(-customers // (_CUSTOMERS_PER_STAFF * stores.height)))
    chance = Chance(seed, "staff")
    store = np.repeat(np.arange(stores.height), each)
    seat = np.tile(np.arange(each), stores.height)
    size = len(store)
    # The first two of a store are always there, so that every store can serve; of the others some have left.
    away = chance.pick(size, (88, 5, 7))
    status = np.where(seat < 2, 1, np.array([1, 2, 5])[away])
    shops = pl.DataFrame(
        {
            "userid": np.char.add(
                np.char.lower(stores["store_id"].to_numpy()[store].astype(str)), np.char.mod("-%02d", seat + 1)
            ),
            "position": pl.Series(_POSITIONS).gather(np.minimum(seat, len(_POSITIONS) - 1)),
            "store_id": stores["store_id"].gather(store),
            "department_id": (store + HEADQUARTERS + 1).astype(np.int64),
            "status": status.astype(np.int64),
            "may_follow": status == 1,
        }
    )
    office = pl.DataFrame(
        {
            "userid": ["hq-it", "hq-marketing", "hq-service"],
            "position": ["系统管理员", "私域运营", "客服主管"],
            "store_id": pl.Series([None] * 3, dtype=pl.String),
            "department_id": [HEADQUARTERS] * 3,
            "status": [1, 1, 1],
            "may_follow": [False, True, True],
        }
    )
    everyone = pl.concat([shops, office])
    female = pl.Series(chance.happens(everyone.height, 0.7))
    return everyone.insert_column(1, names(Chance(seed, "staff names"), female))
