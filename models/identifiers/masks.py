"""Masked phones: every platform's spelling of a mask in one form, and the masks of a full number, so that both meet.

Spellings that are read: 138****1234, the usual one (three digits, four stars, four digits), 1380***1234, 13800**1234;
*******1234 and 尾号1234, where only the end is given; 5***1234 and +852****1234 of Hong Kong and Macau; 0912***678 of
Taiwan; each with x, X, ●, •, × or dots for stars, any number of them, and with or without a country code. A mask alone
is no identifier: seven known digits meet two or three people among a million.
"""

from functools import cache

import phonenumbers
import polars as pl

from models.identifiers.phones import phones_e164
from models.identifiers.text import clean, distinct, spread

_STARS = "****"
_TAIL = 4
_USUAL = r"^(?:\+86)?1[3-9][0-9](?:[0-9]{8}|\*{4}[0-9]{4})$"
#: Digits of a national number, by calling code, where a mask is read by place: China, Hong Kong, Macau, Taiwan.
_LENGTHS = {"86": 11, "852": 8, "853": 8, "886": 9}


def phone_mask(values: pl.Series, region: str = "CN") -> pl.Series:
    """The canonical mask of a masked spelling or of a full number, one column of text in the order of the values.

    ``+86138****1234`` (three digits and the last four) for a mainland mobile, ``+86*******1234`` where no more than the
    end is known, ``+852****1234`` and ``+853****1234``, ``+886912***678``, and country code, four stars and four digits
    for all others. Null: no mask and no number, fewer than four digits at the end (three in Taiwan), or a number of no
    country.
    """
    facts = _facts(values, region)
    return facts["mask"].alias(values.name)


def phone_masks(values: pl.Series, region: str = "CN") -> pl.Series:
    """Every canonical mask under which a value can be met, finest first, as a list: a full number and 138****1234 give
    ``+86138****1234`` and ``+86*******1234``; 尾号1234 the last only. Null where :func:`phone_mask` is null."""
    facts = _facts(values, region)
    masks = facts.select(
        pl.when(pl.col("mask").is_null())
        .then(None)
        .when((pl.col("mask") == pl.col("tail")) | pl.col("tail").is_null())
        .then(pl.concat_list("mask"))
        .otherwise(pl.concat_list("mask", "tail"))
        .alias("masks")
    )
    return masks["masks"].alias(values.name)


def phone_pattern(values: pl.Series, region: str = "CN") -> pl.Series:
    """All that a masked spelling tells: E.164 with a star for each hidden digit (``+861380***1234``), null where the
    places are not certain (a shortened mask other than 138**1234, a country whose numbers vary in length) or nothing is
    masked."""
    return _facts(values, region)["pattern"].alias(values.name)


def phone_fits(pattern: pl.Expr, phone: pl.Expr) -> pl.Expr:
    """Does a number (E.164) agree with a pattern of :func:`phone_pattern` in every known place? Null when one is
    null."""
    longest = 1 + 15  # E.164: a plus and at most fifteen digits
    same = [
        (pattern.str.slice(place, 1) == "*") | (pattern.str.slice(place, 1) == phone.str.slice(place, 1))
        for place in range(longest)
    ]
    return pl.all_horizontal(pattern.str.len_chars() == phone.str.len_chars(), *same)


def _facts(values: pl.Series, region: str) -> pl.DataFrame:
    """mask, tail, pattern for each value."""
    known = distinct(values).alias("text").to_frame()
    if region == "CN":
        # nearly all values are bare mobiles and their usual masks: by slices, without cleaning
        usual = pl.col("text").str.contains(_USUAL)
        known = known.with_columns(usual.alias("usual"))
        rest = _spelled_facts(known.filter(~pl.col("usual")).drop("usual"), region)
        return spread(values, pl.concat([_usual_facts(known.filter("usual")), rest]))
    return spread(values, _spelled_facts(known, region))


def _usual_facts(known: pl.DataFrame) -> pl.DataFrame:
    """text, mask, tail and pattern of texts that :data:`_USUAL` matches."""
    bare = pl.col("text").str.strip_prefix("+86")
    first, last = bare.str.slice(0, 3), bare.str.slice(-_TAIL)
    mask = pl.lit("+86") + first + pl.lit(_STARS) + last
    return known.select(
        "text",
        mask.alias("mask"),
        (pl.lit("+86*******") + last).alias("tail"),
        pl.when(pl.col("text").str.contains("*", literal=True)).then(mask).alias("pattern"),
    )


def _spelled_facts(known: pl.DataFrame, region: str) -> pl.DataFrame:
    """The same of any text (column text)."""
    known = known.with_columns(clean(pl.col("text")).alias("clean"))
    parts = known.with_columns(_with_stars(pl.col("clean")).alias("starred")).with_columns(
        pl.col("starred").str.extract(r"^(\+?[0-9]*)\*+[0-9]*$", 1).alias("head"),
        pl.col("starred").str.extract(r"^\+?[0-9]*(\*+)[0-9]*$", 1).str.len_chars().alias("hidden"),
        pl.col("starred").str.extract(r"^\+?[0-9]*\*+([0-9]*)$", 1).alias("end"),
    )
    masked = _masked(parts.filter(pl.col("head").is_not_null()), region)
    full = parts.filter(pl.col("head").is_null())
    numbers = full.select("text", phones_e164(full["clean"], region).alias("e164"))
    return pl.concat([masked, _of_full(numbers.filter(pl.col("e164").is_not_null()))])


def _with_stars(text: pl.Expr) -> pl.Expr:
    """Whatever stands for a hidden digit as a star; punctuation between digits gone; 尾号1234 as ****1234."""
    tail = text.str.extract(r"^(?:手机|电话|手机号|号码|会员)?(?:尾号|后四位|末四位)[:\s]*([0-9]{4})$", 1)
    starred = (
        text.str.replace_all(r"[xX×✱∗⁎﹡※•●○◯■□█_?]|某", "*")
        .str.replace_all(r"(?:\.{2,}|#{2,}|·{2,}|-{3,})", "***")
        .str.replace_all(r"[\s\-()]", "")
        .str.replace(r"^00", "+")
    )
    return pl.when(tail.is_not_null()).then(pl.lit(_STARS) + tail).otherwise(starred)


def _masked(parts: pl.DataFrame, region: str) -> pl.DataFrame:
    """mask, tail and pattern of masked spellings (text, head, hidden, end)."""
    default = str(phonenumbers.country_code_for_region(region))
    shown = parts["head"].str.strip_chars_start("+").str.len_chars() + parts["end"].str.len_chars()
    long = shown.cast(pl.Int64) + parts["hidden"].cast(pl.Int64)
    bare = pl.col("head").str.extract(r"^86(1[3-9].*)$", 1)
    coded = pl.col("head").str.extract(r"^(852|853)[0-9]*$", 1)
    island = pl.col("head").str.extract(r"^886(9.*)$", 1)
    with_code = (
        pl.when(pl.col("head").str.starts_with("+")).then(pl.col("head").str.extract(_calling_codes(), 1))
        .when(bare.is_not_null()).then(pl.lit("86"))
        .when(coded.is_not_null() & (pl.col("long") == 3 + 8)).then(coded)
        .when(island.is_not_null()).then(pl.lit("886"))
    )  # fmt: skip
    country = (
        parts.with_columns(long.alias("long"))
        .with_columns(with_code.alias("code"))
        .with_columns(
            pl.col("head")
            .str.strip_chars_start("+")
            .str.slice(pl.col("code").str.len_chars().fill_null(0))
            .alias("known"),
            (pl.col("long") - pl.col("code").str.len_chars().fill_null(0).cast(pl.Int64)).alias("long"),
            pl.when(pl.col("head").str.starts_with("+"))
            .then("code")
            .otherwise(pl.coalesce("code", pl.lit(default)))
            .alias("code"),
        )
    )
    # a national number of Taiwan is written with a zero that E.164 leaves out
    zero = (pl.col("code") == "886") & pl.col("known").str.starts_with("0")
    country = country.with_columns(
        pl.when(zero).then(pl.col("known").str.slice(1)).otherwise("known").alias("known"),
        (pl.col("long") - zero.cast(pl.Int64)).alias("long"),
    )
    # an unwritten code is the region's only when the number can be of its plan; five stars of eight places are Hong
    # Kong's
    mainland = (pl.col("code") != "86") | pl.col("known").str.contains(r"^$|^1|^0")
    whole = pl.col("known").str.len_chars() + pl.col("end").str.len_chars() > 10
    refused = ~mainland | whole
    return country.select(
        "text", _unless(refused, _mask()), _unless(refused, _tail()).alias("tail"), _unless(refused, _pattern())
    )


def _unless(refused: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(~refused).then(value).alias(value.meta.output_name())


def _mask() -> pl.Expr:
    """The canonical mask of code, known (first digits), end (last digits)."""
    mobile = pl.col("known").str.contains(r"^1[3-9][0-9]") & (pl.col("end").str.len_chars() >= _TAIL)
    island = pl.col("known").str.contains(r"^9[0-9]{2}") & (pl.col("end").str.len_chars() >= 3)
    return (
        pl.when((pl.col("code") == "86") & mobile)
        .then(pl.format("+86{}****{}", pl.col("known").str.slice(0, 3), pl.col("end").str.slice(-4)))
        .when((pl.col("code") == "886") & island)
        .then(pl.format("+886{}***{}", pl.col("known").str.slice(0, 3), pl.col("end").str.slice(-3)))
        .otherwise(_tail())
        .alias("mask")
    )  # fmt: skip


def _tail() -> pl.Expr:
    """Country and the last four digits."""
    stars = pl.when(pl.col("code") == "86").then(pl.lit("*******")).otherwise(pl.lit(_STARS))
    return pl.when(pl.col("end").str.len_chars() >= _TAIL).then(
        pl.format("+{}{}{}", "code", stars, pl.col("end").str.slice(-_TAIL))
    )


def _pattern() -> pl.Expr:
    """Every known digit in its place, where the length of the number is known and the spelling keeps it."""
    length = pl.col("code").replace_strict(_LENGTHS, default=None, return_dtype=pl.Int64)
    shown = pl.col("known").str.len_chars().cast(pl.Int64) + pl.col("end").str.len_chars().cast(pl.Int64)
    certain = (pl.col("long") == length) | (
        (pl.col("code") == "86") & (pl.col("known").str.len_chars() == 3) & (shown == 7)
    )
    stars = pl.lit("*").repeat_by(pl.when(certain).then(length - shown)).list.join("")
    return (
        pl.when(certain & (shown < length)).then(pl.format("+{}{}{}{}", "code", "known", stars, "end")).alias("pattern")
    )


def _of_full(numbers: pl.DataFrame) -> pl.DataFrame:
    """mask and tail of full numbers (text, e164), no pattern."""
    code = pl.col("e164").str.extract(_calling_codes(), 1)
    rest = pl.col("e164").str.slice(1 + code.str.len_chars())
    # of a landline only the end can be compared: its first digits are an area's
    mobile = pl.col("e164").str.contains(r"^\+861[3-9][0-9]{9}$|^\+8869[0-9]{8}$")
    return numbers.with_columns(
        code.alias("code"),
        pl.when(mobile).then(rest).otherwise(pl.lit("")).str.slice(0, 3).alias("known"),
        rest.str.slice(-_TAIL).alias("end"),
    ).select("text", _mask(), _tail().alias("tail"), pl.lit(None, pl.String).alias("pattern"))


@cache
def _calling_codes() -> str:
    """A pattern for the calling code of an international spelling; no code is the beginning of another."""
    codes = sorted({str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE})
    return rf"^\+({'|'.join(codes)})"
