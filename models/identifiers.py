"""Normalisers of identifiers. Each gives one canonical form and is idempotent; what it cannot read is null."""

import re
import unicodedata

import phonenumbers
import polars as pl

# Invisible characters that hand-made files carry: zero-width, byte order, direction marks.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_CHINA_MOBILE = r"^(?:\+?86|0086)?(1[3-9][0-9]{9})$"
_PHONE_PUNCTUATION = r"[\s\-().\u00a0]"


def clean_text(value: str) -> str:
    """NFKC, invisible characters removed, trimmed."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", value)).strip()


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
    compact = text.str.replace_all(_PHONE_PUNCTUATION, "")
    if region == "CN":
        mobile = pl.lit("+86") + compact.to_frame("p").select(pl.col("p").str.extract(_CHINA_MOBILE, 1)).to_series()
        fast = pl.select(mobile).to_series()
    else:
        fast = pl.Series([None] * len(text), dtype=pl.String)
    rest = text.filter(fast.is_null() & text.is_not_null()).unique()
    if rest.is_empty():
        return fast.alias(values.name)
    slow = pl.DataFrame(
        {"text": rest, "phone": [phone_e164(value, region) for value in rest]}, schema_overrides={"phone": pl.String}
    )
    joined = pl.DataFrame({"text": text, "fast": fast}).join(slow, on="text", how="left", maintain_order="left")
    return joined.select(pl.coalesce("fast", "phone")).to_series().alias(values.name)


def masked(value: str | None) -> str | None:
    """A personal value for people who need to recognise, not to know it: first and last parts only."""
    if value is None or value == "":
        return value
    if len(value) <= 2:
        return value[0] + "*"
    if len(value) <= 6:
        return value[0] + "*" * (len(value) - 2) + value[-1]
    return (
        value[:3] + "*" * (len(value) - 7 if len(value) > 8 else len(value) - 5) + value[-4 if len(value) > 8 else -2 :]
    )
