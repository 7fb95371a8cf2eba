"""Normalisers of identifiers. Each gives one canonical form and is idempotent; what it cannot read is null."""

import re
import unicodedata

import phonenumbers
import polars as pl

# Invisible characters that hand-made files carry: zero-width, byte order, direction marks.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_CHINA_MOBILE = r"^(?:\+?86|0086)?(1[3-9][0-9]{9})$"
_BARE_MOBILE = r"^1[3-9][0-9]{9}$"
_PHONE_PUNCTUATION = r"[\s\-().\u00a0]"


def clean_text(value: str) -> str:
    """Invisible characters removed, NFKC, trimmed. In this order a second pass changes nothing."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", value)).strip()


def phone_e164(value: str, region: str = "CN") -> str | None:
    """Any spelling of a valid phone number → E.164 (``+8613800001111``); masked, short or impossible → None."""
    try:
        parsed = phonenumbers.parse(clean_text(value), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def phones_e164(values: pl.Series, region: str = "CN") -> pl.Series:
    """The same for a column. Mainland mobiles go by one regular expression, the few others one by one."""
    text = values.cast(pl.String)
    cell = pl.col("p")
    if region == "CN":
        bare = cell.str.contains(_BARE_MOBILE)
        fast = text.alias("p").to_frame().select(pl.when(bare).then(pl.lit("+86") + cell)).to_series()
        if fast.null_count() > text.null_count():
            spelled = pl.lit("+86") + cell.str.replace_all(_PHONE_PUNCTUATION, "").str.extract(_CHINA_MOBILE, 1)
            fast = (
                text.alias("p")
                .to_frame()
                .select(pl.when(bare).then(pl.lit("+86") + cell).otherwise(spelled))
                .to_series()
            )
    else:
        fast = pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
    rest = text.filter(fast.is_null() & text.is_not_null()).unique()
    if rest.is_empty():
        return fast.alias(values.name)
    slow = pl.DataFrame(
        {"text": rest, "phone": [phone_e164(value, region) for value in rest]}, schema_overrides={"phone": pl.String}
    )
    joined = pl.DataFrame({"text": text, "fast": fast}).join(slow, on="text", how="left", maintain_order="left")
    return joined.select(pl.coalesce("fast", "phone")).to_series().alias(values.name)


def masked(value: str | None) -> str | None:
    """A personal value for people who need to recognise, not to know it: ``+8613800001111`` → ``+86138****1111``.

    At most three characters after the country code and four at the end are shown.
    """
    if not value:
        return value
    prefix = "+86" if value.startswith("+86") else ""
    rest = value[len(prefix) :]
    first, last = _shown(len(rest))
    return prefix + rest[:first] + "*" * (len(rest) - first - last) + rest[len(rest) - last :]


def masked_all(values: pl.Expr) -> pl.Expr:
    """The same for a column of text."""
    has_prefix = values.str.starts_with("+86")
    rest = pl.when(has_prefix).then(values.str.slice(3)).otherwise(values)
    length = rest.str.len_chars().cast(pl.Int64)
    first = pl.when(length > 8).then(3).when(length > 6).then(2).when(length > 1).then(1).otherwise(0)
    last = pl.when(length > 8).then(4).when(length > 6).then(2).when(length > 2).then(1).otherwise(0)
    stars = pl.lit("*").repeat_by(length - first - last).list.join("")
    hidden = pl.concat_str(
        pl.when(has_prefix).then(pl.lit("+86")).otherwise(pl.lit("")),
        rest.str.slice(0, first),
        stars,
        rest.str.slice(length - last, last),
    )
    return pl.when(values == "").then(values).otherwise(hidden)


def _shown(length: int) -> tuple[int, int]:
    """How many characters are shown at the start and at the end of a value of a length."""
    if length > 8:
        return 3, 4
    if length > 6:
        return 2, 2
    return int(length > 1), int(length > 2)
