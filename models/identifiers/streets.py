"""What stands behind the divisions of an address: town, road, number, door; and the address in one form."""

import polars as pl

_WAYS = "大道|大街|胡同|公路|路|街|巷|弄|道|里"
_SECTION = "(?:[东南西北中]?[一二三四五六七八九十]+段|[东南西北中]段|[东南西北中])?"
# with a number behind it a way is certain; without, the first word that ends as one is taken
_ROAD_BEFORE_NUMBER = rf"^([^\s0-9号*]{{1,14}}?(?:{_WAYS}){_SECTION})\s*(?:第?[0-9*]|[甲乙丙]|$)"
_ROAD = r"^([^\s0-9号*]{1,14}?(?:大道|大街|胡同|公路|路|街|巷|弄))"
_TOWN = r"^([^\s0-9路街巷弄号*]{1,7}?(?:街道办事处|街道|镇|乡|苏木))"
_NO_TOWN = r"^[^\s0-9路街巷弄号*]{1,7}?(?:镇|乡)[东南西北中]?(?:大道|大街|路|街|巷)"
_NUMBER = r"^\s*第?([0-9]+(?:-[0-9]+)?)\s*(?:号|弄)?"


def street_parts(divided: pl.DataFrame) -> pl.DataFrame:
    """text and the columns of :func:`models.identifiers.addresses`, of rows with province, city, district,
    division_code and rest: what stands behind them."""
    town = pl.when(~pl.col("rest").str.contains(_NO_TOWN)).then(pl.col("rest").str.extract(_TOWN, 1))
    frame = divided.with_columns(town.alias("town")).with_columns(
        pl.col("rest").str.strip_prefix(pl.col("town").fill_null("\n")).str.strip_chars_start().alias("street")
    )
    road = pl.coalesce(pl.col("street").str.extract(_ROAD_BEFORE_NUMBER, 1), pl.col("street").str.extract(_ROAD, 1))
    frame = frame.with_columns(road.alias("road"), pl.col("rest").str.contains(r"\*").alias("masked"))
    behind = pl.col("street").str.strip_prefix(pl.col("road").fill_null("\n"))
    number = pl.when(pl.col("road").is_not_null()).then(behind.str.extract(_NUMBER, 1))
    inside = pl.when(number.is_not_null()).then(behind.str.replace(_NUMBER, "")).otherwise(behind)
    # without the space a mark may meet a letter: NFC, so that a second pass changes nothing
    detail = pl.col("rest").str.replace_all(r"\s+", "").str.normalize("NFC")
    frame = frame.with_columns(
        number.alias("number"),
        # 3幢5单元1202室 and 3-5-1202 are one door; what is masked is none
        pl.when(~inside.str.contains(r"\*"))
        .then(inside.str.extract_all(r"[0-9]+[a-z]?|[a-z][0-9]*").list.join("-"))
        .alias("door"),
        pl.when(detail != "").then(detail).alias("detail"),
    )
    return frame.select(
        "text", "province", "city", "district", "division_code", "town", "road", "number",
        pl.when(pl.col("door") != "").then("door").alias("door"),
        "detail", _address(), _address_mask(),
    )  # fmt: skip


def _address() -> pl.Expr:
    """Divisions, road, number and door; where there is no road or number, the detail as it is."""
    street = pl.concat_str("road", "number", pl.lit("号"), pl.col("door").fill_null(""))
    written = pl.coalesce(pl.when(pl.col("number").is_not_null()).then(street), "detail").fill_null("")
    return pl.when(~pl.col("masked")).then(_divisions() + written).alias("address")


def _address_mask() -> pl.Expr:
    """Every run of digits and stars as one star, letters behind the road too: a platform hides them or not."""
    hidden = pl.col("detail").str.replace_all(r"[0-9*]+[a-z]?", "*")
    return (_divisions() + hidden).alias("address_mask")


def _divisions() -> pl.Expr:
    city = pl.when(pl.col("city") != pl.col("province").fill_null("")).then("city")
    district = pl.when(pl.col("district") != pl.col("city").fill_null("")).then("district")
    return pl.concat_str(pl.col("province").fill_null(""), city.fill_null(""), district.fill_null(""))
