"""Addresses: province, city, district, road and number of free text or of the parts that a platform gives, offline.

The divisions are matched at the beginning of the text, from the largest to the smallest, each by its full name, its
short form or a former name; what is missing above is filled in where the table leaves no doubt. A road that is called
after a city (南京东路, 上海路) is no city. Why not a library: see docs/identity-values.md.
"""

from functools import cache

import polars as pl

from models.identifiers.divisions import ONE_CITY, spellings
from models.identifiers.latin_names import latin_part
from models.identifiers.streets import street_parts
from models.identifiers.text import clean, distinct, simplified, spread

#: The columns of :func:`addresses`, all text.
ADDRESS_COLUMNS = (
    *("province", "city", "district", "division_code", "town", "road", "number", "door"),
    *("detail", "address", "address_mask"),
)

# Behind a short form these say that it is something else: a road, a place of another kind.
_NOT_SHORT = (
    r"(?:[东南西北中上下]?[一二三四五六七八九十]*(?:路|街|大道|大街|道(?:[0-9]|$)|巷|弄|门|桥|站)"
    r"|[东南西北]?[区县市旗]|坡区|城区|藏族|镇|乡|村|新村|大学|医院|酒店)"
)
_PLACEHOLDERS = r"^(?:市辖区|市辖县|县|(?:省|自治区)?直辖县级?(?:行政区划|行政单位)?)\s*"
_PARTS_OF_HONG_KONG = r"^(?:香港岛|港岛|九龙|新界)\s*"
_ZONES = (
    "高新技术产业开发区|高新技术开发区|高新区|经济技术开发区|经济开发区|经开区|开发区|工业园区|产业园区|"
    "综合保税区|保税区|新区|示范区|度假区|风景区|管理区|自贸区"
)


def addresses(values: pl.Series) -> pl.DataFrame:
    """One row per value, in their order, all text, null where the value does not tell:

    - ``province``, ``city``, ``district``: full names (广东省, 深圳市, 南山区). Of a municipality the city is the
      province; of a county that stands under its province (潜江市) the city is the county; Hong Kong and Macau are the
      cities 香港 and 澳门. A development zone is read as a district when the city is known (高新区). A former name is
      today's;
    - ``division_code``: GB/T 2260, six digits, of the smallest certain division of the mainland;
    - ``town``, ``road``, ``number`` (of the house), ``door`` (building, floor and room as 3-5-1202), where nothing is
      masked;
    - ``detail``: all that stands behind the divisions, without spaces;
    - ``address``: all of it in one form, for equality; null when a part is masked;
    - ``address_mask``: the same with every number as one star, under which 人民路12号3幢 and 人民路**号*幢 meet.

    Text without Chinese characters keeps ``detail`` and ``address`` only: small letters, no punctuation.
    """
    known = distinct(values).alias("text").to_frame()
    cleaned = simplified(known.select(clean(pl.col("text")))["text"])
    known = known.with_columns(cleaned.str.to_lowercase().alias("clean")).filter(pl.col("clean").is_not_null())
    has_han = pl.col("clean").str.contains(r"\p{Han}")
    chinese = _chinese(known.filter(has_han))
    latin = known.filter(~has_han).select("text", latin_part(pl.col("clean")).alias("detail"))
    latin = latin.with_columns(pl.col("detail").alias("address"))
    return spread(values, pl.concat([chinese, latin], how="diagonal")).select(ADDRESS_COLUMNS)


def addresses_of_parts(parts: pl.DataFrame) -> pl.DataFrame:
    """The same for the columns province, city, district and detail, whichever of them there are: what platforms give
    apart, under any spelling, with 市辖区 in the place of a city, or with all of it once more in the detail."""
    columns = [column for column in ("province", "city", "district", "detail") if column in parts.columns]
    joined = parts.select(pl.concat_str(columns, separator=" ", ignore_nulls=True).alias("address"))
    return addresses(joined["address"])


def _chinese(known: pl.DataFrame) -> pl.DataFrame:
    """text and the address columns of values (text, clean) with Chinese characters."""
    spaced = (
        pl.col("clean")
        .str.replace_all(r"[\s,，;；|/\\、。:：]+", " ")
        .str.strip_chars()
        .str.replace(r"^(?:中华人民共和国|中国)\s*", "")
    )
    frame = known.select("text", spaced.alias("rest"))
    divided = _district(_city(_province(frame)))
    codes = spellings().codes
    divided = divided.join(codes, on=["province", "city"], how="left", nulls_equal=True, maintain_order="left")
    whole = pl.when(pl.col("district").is_null()).then("upper_code")
    divided = divided.with_columns(pl.coalesce("district_code", whole).alias("division_code"))
    # a platform's detail may begin with all of it once more; of a short form nobody knows: 南京路 in 南京
    repeated = pl.col("rest")
    for spelled in ("province", "p_spelled", "city", "c_spelled", "district", "d_spelled"):
        full = pl.when(pl.col(spelled).str.contains("[省市区县州盟旗]$")).then(spelled)
        repeated = repeated.str.strip_prefix(full.fill_null("\n")).str.strip_chars_start()
    divided = divided.with_columns(repeated.alias("rest"))
    return street_parts(divided)


def _province(frame: pl.DataFrame) -> pl.DataFrame:
    """province, p_spelled, and rest without it."""
    known = spellings()
    shorts = known.provinces.filter("is_short")["spelling"]
    spelled = pl.col("rest").str.extract(_begins_with(known.provinces["spelling"]), 1)
    doubt = pl.col("rest").str.contains(_begins_with(shorts) + _NOT_SHORT)
    is_short = spelled.is_in(shorts.implode())
    found = frame.with_columns(pl.when(~(is_short & doubt)).then(spelled).alias("p_spelled"))
    found = found.join(
        known.provinces.rename({"spelling": "p_spelled"}).drop("is_short"),
        on="p_spelled",
        how="left",
        maintain_order="left",
    )
    # 沪静安区, 粤 广州市: one character counts before a division of that province
    is_abbreviated = pl.col("province").is_null() & pl.col("rest").str.contains(_abbreviated())
    found = found.with_columns(pl.when(is_abbreviated).then(pl.col("rest").str.slice(0, 1)).alias("abbreviation"))
    found = found.join(
        known.abbreviations.rename({"province": "of"}), on="abbreviation", how="left", maintain_order="left"
    )
    spelled_out = pl.coalesce("p_spelled", "abbreviation").fill_null("")
    one_city = pl.coalesce("province", "of").replace_strict(ONE_CITY, default=None, return_dtype=pl.String)
    rest = pl.col("rest").str.slice(spelled_out.str.len_chars()).str.strip_chars_start()
    again = rest.str.strip_prefix(pl.col("p_spelled").fill_null("\n")).str.strip_chars_start()
    return found.select(
        "text",
        pl.coalesce("province", "of").alias("province"),
        one_city.alias("one_city"),
        "p_spelled",
        pl.when(spelled_out != "").then(again.str.replace(_PLACEHOLDERS, "")).otherwise("rest").alias("rest"),
    )


def _city(frame: pl.DataFrame) -> pl.DataFrame:
    """city, c_spelled, province where the city tells it, and rest without the city."""
    cities = spellings().cities
    shorts = cities.filter("is_short")["spelling"]
    spelled = pl.col("rest").str.extract(_begins_with(cities["spelling"]), 1)
    doubt = spelled.is_in(shorts.implode()) & pl.col("rest").str.contains(_begins_with(shorts) + _NOT_SHORT)
    found = frame.with_columns(pl.when(~doubt).then(spelled).alias("c_spelled"))
    of_province = cities.select(pl.col("spelling").alias("c_spelled"), "province", "city")
    # without a province a short form that is a district's elsewhere (朝阳) tells nothing
    anywhere = cities.filter(~pl.col("is_doubtful")).unique("spelling", keep="none", maintain_order=True)
    anywhere = anywhere.select(
        pl.col("spelling").alias("c_spelled"), pl.col("province").alias("c_province"), pl.col("city").alias("c_city")
    )
    found = found.join(of_province, on=["c_spelled", "province"], how="left", maintain_order="left")
    found = found.join(anywhere, on="c_spelled", how="left", maintain_order="left")
    alone = pl.col("province").is_null()
    found = found.with_columns(
        pl.coalesce("province", "c_province").alias("province"),
        pl.coalesce("city", pl.when(alone).then("c_city")).alias("city"),
    ).with_columns(pl.when(pl.col("city").is_not_null()).then("c_spelled").alias("c_spelled"))
    rest = pl.col("rest").str.strip_prefix(pl.col("c_spelled").fill_null("\n")).str.strip_chars_start()
    again = rest.str.strip_prefix(pl.col("city").fill_null("\n")).str.strip_chars_start()
    below = again.str.replace(_PLACEHOLDERS, "")
    with_city = pl.when(pl.col("c_spelled").is_not_null()).then(below).otherwise(rest)
    # the parts of Hong Kong stand between the city and a district or a road: 九龙弥敦道, but not 九龙城区
    in_part = (pl.coalesce("city", "one_city") == "香港") & ~with_city.str.contains("^九龙[城湾塘仔]")
    with_city = pl.when(in_part).then(with_city.str.replace(_PARTS_OF_HONG_KONG, "")).otherwise(with_city)
    return found.select(
        "text",
        "province",
        pl.coalesce("city", "one_city").alias("city"),
        "p_spelled",
        "c_spelled",
        with_city.alias("rest"),
    )


def _district(frame: pl.DataFrame) -> pl.DataFrame:
    """district, district_code, d_spelled; city and province where the district tells them; rest without it."""
    found = _known_district(frame)
    no_city = pl.col("city").is_null()
    named = pl.col("hit").struct.field("district")
    zone = pl.col("rest").str.extract(rf"^([^\s0-9路街道号巷弄镇乡*]{{0,6}}?(?:{_ZONES}))", 1)
    # several cities have one of that name: the name is kept, what is above stays unknown
    is_name = pl.col("hit").is_null() & no_city & pl.col("by_full").str.contains("..[区县市旗]$")
    only_name = pl.when(is_name).then("by_full")
    spelled = (
        pl.when(pl.col("in_city").is_not_null() | (named.is_not_null() & no_city)).then("by_full")
        .when(pl.col("hit").is_not_null()).then("by_short")
        .when(~no_city).then(zone)
        .otherwise(only_name)
    )  # fmt: skip
    canonical_zone = zone.str.strip_prefix(pl.col("city").str.strip_suffix("市").fill_null("\n"))
    for long, brief in ((r"高新技术(?:产业)?开发区$", "高新区"), (r"经济(?:技术)?开发区$", "经开区")):
        canonical_zone = canonical_zone.str.replace(long, brief)
    # 龙华新区 became 龙华区
    below = pl.col("rest").str.strip_prefix(pl.col("d_spelled").fill_null("\n")).str.strip_chars_start()
    return found.with_columns(spelled.alias("d_spelled")).select(
        "text",
        pl.coalesce("province", pl.col("hit").struct.field("of_province")).alias("province"),
        pl.coalesce("city", pl.col("hit").struct.field("of_city")).alias("city"),
        pl.coalesce(named, pl.when(~no_city).then(canonical_zone), only_name).alias("district"),
        pl.col("hit").struct.field("code").alias("district_code"),
        "p_spelled",
        "c_spelled",
        "d_spelled",
        pl.when(pl.col("d_spelled") == pl.col("by_short"))
        .then(below.str.strip_prefix("新区"))
        .otherwise(below)
        .alias("rest"),
    )


def _known_district(frame: pl.DataFrame) -> pl.DataFrame:
    """Beside each row by_full and by_short (how a district at the beginning is spelled), in_city and hit: the district
    of the table, by its full name within the city, within the province, or anywhere when it is the only one of its
    name; by its short form within the city only."""
    districts = spellings().districts
    full, short = districts.filter(~pl.col("is_short")), districts.filter("is_short")
    begins_short = _begins_with(short["spelling"])
    is_district = pl.col("city").is_not_null() & ~pl.col("rest").str.contains(begins_short + _NOT_SHORT)
    found = frame.with_columns(
        pl.col("rest").str.extract(_begins_with(full["spelling"]), 1).alias("by_full"),
        pl.when(is_district).then(pl.col("rest").str.extract(begins_short, 1)).alias("by_short"),
    )
    only_in_province = full.unique(["spelling", "province"], keep="none")
    found = _looked_up(found, full, "by_full", ["city"], "in_city")
    found = _looked_up(found, only_in_province, "by_full", ["province"], "in_province")
    found = _looked_up(found, full.unique("spelling", keep="none"), "by_full", [], "anywhere")
    found = _looked_up(found, short, "by_short", ["city"], "short")
    no_city = pl.col("city").is_null()
    hit = pl.coalesce(
        "in_city",
        pl.when(no_city).then("in_province"),
        pl.when(no_city & pl.col("province").is_null()).then("anywhere"),
        "short",
    )
    return found.with_columns(hit.alias("hit"))


def _looked_up(frame: pl.DataFrame, table: pl.DataFrame, spelled: str, within: list[str], name: str) -> pl.DataFrame:
    """A struct (district, code, of_city, of_province) beside each row whose spelling the table has within its
    division."""
    found = table.select(
        pl.col("spelling").alias(spelled),
        *within,
        pl.struct("district", "code", pl.col("city").alias("of_city"), pl.col("province").alias("of_province")).alias(
            name
        ),
    )
    return frame.join(found, on=[spelled, *within], how="left", maintain_order="left")


def _begins_with(spelled: pl.Series) -> str:
    return _beginning(tuple(spelled.unique().sort()))


@cache
def _beginning(words: tuple[str, ...]) -> str:
    """A pattern for a text that begins with one of the words, the longest first."""
    return f"^({'|'.join(sorted(words, key=lambda word: (-len(word), word)))})"


@cache
def _abbreviated() -> str:
    """A pattern for one character that stands for a province, before a space or one of its cities and districts."""
    known = spellings()
    below = pl.concat(
        [table.filter(~pl.col("is_short")).select("province", "spelling") for table in (known.cities, known.districts)]
    )
    words = known.abbreviations.join(below, on="province").group_by("abbreviation", maintain_order=True).agg("spelling")
    parts = [f"{letter}(?: |{'|'.join(sorted(set(spelled)))})" for letter, spelled in words.iter_rows()]
    return f"^(?:{'|'.join(parts)})"
