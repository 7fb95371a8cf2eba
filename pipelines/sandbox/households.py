"""Who lives with whom, at which address, under which phone at which time."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipelines.sandbox import people as population
from pipelines.sandbox.chance import Bools, Chance, Ints
from pipelines.sandbox.numbering import Numbering
from pipelines.sandbox.switches import Traits

_SIZES = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3])  # eleven people of one city: households of 2, 3, 2 and 4
# city: province, districts
_DISTRICTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "上海": ("上海市", ("静安区", "徐汇区", "浦东新区", "黄浦区", "长宁区", "杨浦区", "闵行区", "虹口区")),
    "杭州": ("浙江省", ("上城区", "拱墅区", "西湖区", "滨江区", "萧山区", "余杭区")),
    "南京": ("江苏省", ("玄武区", "秦淮区", "建邺区", "鼓楼区", "江宁区")),
    "深圳": ("广东省", ("福田区", "罗湖区", "南山区", "宝安区", "龙岗区")),
    "广州": ("广东省", ("天河区", "越秀区", "海珠区", "荔湾区", "番禺区")),
    "北京": ("北京市", ("朝阳区", "海淀区", "东城区", "西城区", "丰台区", "通州区")),
    "天津": ("天津市", ("和平区", "河西区", "南开区", "河东区")),
    "武汉": ("湖北省", ("武昌区", "江汉区", "洪山区", "江岸区")),
    "长沙": ("湖南省", ("芙蓉区", "天心区", "岳麓区", "雨花区")),
    "成都": ("四川省", ("锦江区", "青羊区", "武侯区", "成华区", "高新区")),
    "香港": ("香港特别行政区", ("中西区", "湾仔区", "油尖旺区", "沙田区", "东区")),
    "澳门": ("澳门特别行政区", ("花地玛堂区", "圣安多尼堂区", "大堂区")),
    "新加坡": ("新加坡", ("乌节", "滨海湾", "淡滨尼")),
    "东京": ("东京都", ("中央区", "港区", "新宿区")),
    "伦敦": ("英格兰", ("西敏市", "卡姆登区", "肯辛顿区")),
}
_ROADS = (
    "人民",
    "中山",
    "解放",
    "建设",
    "新华",
    "和平",
    "文化",
    "长江",
    "南京",
    "延安",
    "学院",
    "湖滨",
    "翠园",
    "明珠",
)
_WAYS = ("路", "街", "大道", "巷")
_OLD_NUMBER_DAYS = 90  # an operator keeps a number so long before somebody else gets it
ALWAYS = -100_000  # a day before everything


@dataclass(frozen=True)
class Settled:
    """``people``: the trunk's frame with the present phone. ``households`` (household_id, person_id: is_first).
    ``addresses`` (person_id: province, city, district, detail). ``phones`` (person_id, phone, first_day: relation own
    or household, last_day). ``earlier_phone`` and ``changed_day`` (by row of people): what the phone was before that
    day."""

    people: pl.DataFrame
    households: pl.DataFrame
    addresses: pl.DataFrame
    phones: pl.DataFrame
    earlier_phone: pl.Series
    changed_day: Ints

    def phone_at(self, person: Ints, day: Ints) -> pl.Series:
        """The phone that each person (row number) had on a day of the window."""
        before = pl.Series(day < self.changed_day[person])
        now = self.people["phone"].gather(person)
        return pl.select(pl.when(before).then(self.earlier_phone.gather(person)).otherwise(now)).to_series()

    def known_as(self, person: Ints, day: Ints) -> pl.DataFrame:
        """person_id, name and all identifiers of these people (row numbers), the phone as of the day."""
        names = ("person_id", "name", "unionid", "member_no", "external_userid")
        return self.people.select(names)[person].with_columns(self.phone_at(person, day).alias("phone"))


def settle(people: pl.DataFrame, traits: Traits, seed: int, numbering: Numbering, days: int) -> Settled:
    """Households, addresses and phones of a part of the population."""
    household, first = _households(people, traits, seed)
    phone_of = _phone_of(people, household, first, traits, seed)
    changed_day, now = _changes(people, phone_of, traits, seed, numbering, days)
    given = phone_of != np.arange(people.height)
    # Who gives the first member's phone has that one's, before and after its change.
    settled = people.with_columns(now.gather(phone_of).alias("phone"))
    earlier, changed_day = people["phone"].gather(phone_of), changed_day[phone_of]
    return Settled(
        people=settled,
        households=pl.DataFrame(
            {
                "household_id": pl.select(
                    pl.format("h{}-{}", pl.lit(numbering.part), pl.Series(household))
                ).to_series(),
                "person_id": people["person_id"],
                "is_first": first,
            }
        ),
        addresses=_addresses(people, household, seed),
        phones=_phones(settled, given, earlier, changed_day),
        earlier_phone=earlier,
        changed_day=changed_day,
    )


def _households(people: pl.DataFrame, traits: Traits, seed: int) -> tuple[Ints, Bools]:
    """Number of the household of each person, and whether he is its first member. Most live alone."""
    chance = Chance(seed, "households")
    size = people.height
    together = chance.happens(size, traits.household)
    number = np.arange(size, dtype=np.int64) + size  # alone: a household of one's own
    mates = people.select(pl.int_range(pl.len()).alias("row"), "city").filter(pl.Series(together)).sort("city", "row")
    rank = mates.select(pl.int_range(pl.len()).over("city")).to_series().to_numpy()
    city = mates["city"].rank("dense").to_numpy().astype(np.int64)
    label = city * size + rank // 11 * 4 + _SIZES[rank % 11]
    _, dense = np.unique(label, return_inverse=True)
    number[mates["row"].to_numpy()] = dense
    first = np.zeros(size, dtype=bool)
    first[np.unique(number, return_index=True)[1]] = True
    return number, first


def _phone_of(people: pl.DataFrame, household: Ints, first: Bools, traits: Traits, seed: int) -> Ints:
    """Whose phone each person gives: his own, or that of the first member of the household (row numbers)."""
    chance = Chance(seed, "shared phones")
    row = np.arange(people.height)
    head = np.full(int(household.max()) + 1, 0, dtype=np.int64)
    head[household[first]] = row[first]
    head_of = head[household]
    has_phone = people["phone"].is_not_null().to_numpy()[head_of]
    shares = has_phone & ~first & chance.happens(people.height, traits.shared_phone)
    return np.asarray(np.where(shares, head_of, row), dtype=np.int64)


def _changes(
    people: pl.DataFrame, phone_of: Ints, traits: Traits, seed: int, numbering: Numbering, days: int
) -> tuple[Ints, pl.Series]:
    """Day of the change (ALWAYS: none) and present phone of everybody who gives his own."""
    chance = Chance(seed, "changed phones")
    size = people.height
    own = people["phone"].is_not_null().to_numpy() & (phone_of == np.arange(size))
    changes = own & chance.happens(size, traits.changed_phone)
    day = np.where(changes, 1 + chance.below(size, days - 1), ALWAYS)
    fresh = population.phones(Chance(seed, "new phones"), people["country"], replace(numbering, spare=True))
    now = pl.select(pl.when(pl.Series(changes)).then(fresh).otherwise(people["phone"])).to_series()
    # A number given up early goes to somebody who needs a new one later.
    mainland = (people["country"] == "CN").to_numpy()
    taken = chance.happens(size, traits.recycled_phone)
    early = np.flatnonzero(changes & mainland & taken & (day < days * 0.4))
    late = np.flatnonzero(changes & mainland & (day >= days * 0.4 + _OLD_NUMBER_DAYS))
    pairs = min(len(early), len(late))
    if pairs:
        now = now.scatter(late[:pairs], people["phone"].gather(early[:pairs]))
    return day.astype(np.int64), now


def _phones(people: pl.DataFrame, given: Bools, earlier: pl.Series, changed_day: Ints) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "person_id": people["person_id"],
            "phone": people["phone"],
            "earlier": earlier,
            "turn": changed_day,
            "relation": np.where(given, "household", "own"),
        }
    )
    turned = pl.col("turn") > ALWAYS
    now = frame.filter(pl.col("phone").is_not_null()).select(
        "person_id",
        "phone",
        pl.col("turn").alias("first_day"),
        pl.lit(None, dtype=pl.Int64).alias("last_day"),
        "relation",
    )
    past = frame.filter(turned).select(
        "person_id",
        pl.col("earlier").alias("phone"),
        pl.lit(ALWAYS, dtype=pl.Int64).alias("first_day"),
        (pl.col("turn") - 1).alias("last_day"),
        "relation",
    )
    return pl.concat([now, past]).sort("person_id", "first_day")


def _addresses(people: pl.DataFrame, household: Ints, seed: int) -> pl.DataFrame:
    """One row per person: person_id, province, city, district, detail; a household has one address."""
    chance = Chance(seed, "addresses")
    slots = int(household.max()) + 1
    many = {
        "district": 1 << 20,
        "road": len(_ROADS),
        "way": len(_WAYS),
        "number": 990,
        "block": 28,
        "floor": 30,
        "room": 32,
    }
    draws = {name: chance.below(slots, high)[household] for name, high in many.items()}
    table = pl.DataFrame(
        [
            {"city": city, "province": province, "districts": list(names)}
            for city, (province, names) in _DISTRICTS.items()
        ]
    )
    return (
        pl.DataFrame({"person_id": people["person_id"], "city": people["city"]} | draws)
        .join(table, on="city", how="left", maintain_order="left")
        .select(
            "person_id",
            "province",
            "city",
            pl.col("districts").list.get(pl.col("district") % pl.col("districts").list.len()).alias("district"),
            pl.format(
                "{}{}{}号{}幢{}{}室",
                pl.Series(_ROADS).gather(draws["road"]),
                pl.Series(_WAYS).gather(draws["way"]),
                pl.col("number") + 1,
                pl.col("block") + 1,
                pl.col("floor") + 1,
                (pl.col("room") + 1).cast(pl.String).str.zfill(2),
            ).alias("detail"),
        )
    )
