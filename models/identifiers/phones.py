"""Phone numbers: one canonical form (E.164), what kind a number is, and the several numbers of one cell.

Numbers are read by ``phonenumbers`` (Google's tables of every country's plan); mainland mobiles, nearly all of what
there is, by a regular expression.
"""

import re

import phonenumbers
import polars as pl
from phonenumbers import PhoneNumberType

from models.identifiers.text import clean, clean_text, distinct, spread

_CHINA_MOBILE = r"^(?:\+?86|0086)?(1[3-9][0-9]{9})$"
_BARE_MOBILE = r"^1[3-9][0-9]{9}$"
_PHONE_PUNCTUATION = r"[\s\-().\u00a0]"

# A mainland mobile with an extension is a number that a platform lends for one trade (a mobile has no switchboard):
# 17012345678-1234, 17012345678转1234, 18412345678,1234.
_EXTENSION = r"\s*(?:[-—–,，;；、#xX]|转|转接|轉|分机|分機|ext\.?|;ext=)\s*([0-9]{2,6})"
_VIRTUAL = rf"^(?:\+?86|0086)?[\s-]*(1[3-9][0-9]{{9}}){_EXTENSION}$"
_SWITCHBOARD = re.compile(
    r"^((?:\+?86|0086)?[\s-]*\(?0[0-9]{2,3}\)?[\s-]?[0-9]{7,8})\s*(?:[-—–,]|转|转接|轉|分机|分機)\s*([0-9]{1,5})$"
)
_VIRTUAL_ANYWHERE = re.compile(rf"(?<![0-9])1[3-9][0-9]{{9}}{_EXTENSION}(?![0-9])")

_KINDS = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "either",
    PhoneNumberType.VOIP: "landline",
    PhoneNumberType.TOLL_FREE: "service",
    PhoneNumberType.SHARED_COST: "service",
    PhoneNumberType.PREMIUM_RATE: "service",
    PhoneNumberType.UAN: "service",
}


def phone_e164(value: str, region: str = "CN") -> str | None:
    """Any spelling of a valid phone number → E.164 (``+8613800001111``); masked, virtual, short or impossible →
    None."""
    return _read(value, region)[0]


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
    rest = distinct(text.filter(fast.is_null()))
    if rest.is_empty():
        return fast.alias(values.name)
    slow = pl.DataFrame(
        {"text": rest, "phone": [phone_e164(value, region) for value in rest]}, schema_overrides={"phone": pl.String}
    )
    joined = pl.DataFrame({"text": text, "fast": fast}).join(slow, on="text", how="left", maintain_order="left")
    return joined.select(pl.coalesce("fast", "phone")).to_series().alias(values.name)


def phone_facts(values: pl.Series, region: str = "CN") -> pl.DataFrame:
    """One row per value, in their order: phone (E.164 or null), phone_kind, extension.

    phone_kind: mobile, landline, either (the country's plan does not tell, as in the USA), service (400, 800: nobody's
    own), virtual (lent by a platform for one trade: the phone is null, for the number belongs to nobody), null for what
    is no number. Read a mask with :func:`models.identifiers.phone_mask`.
    """
    known = distinct(values).alias("text").to_frame().with_columns(clean(pl.col("text")).alias("clean"))
    known = known.with_columns(
        phones_e164(known["clean"], region).alias("phone"),
        pl.col("clean").str.extract(_VIRTUAL, 2).alias("extension"),
    )
    mobile = pl.col("phone").str.contains(r"^\+861[3-9][0-9]{9}$")
    others = distinct(known.filter(pl.col("phone").is_not_null() & ~mobile)["clean"])
    read = [_read(value, region) for value in others]
    slow = pl.DataFrame(
        {"clean": others, "kind": [kind for _, kind, _ in read], "switchboard": [more for _, _, more in read]},
        schema={"clean": pl.String, "kind": pl.String, "switchboard": pl.String},
    )
    facts = known.join(slow, on="clean", how="left", maintain_order="left").select(
        "text",
        "phone",
        pl.when(mobile)
        .then(pl.lit("mobile"))
        .when(pl.col("phone").is_null() & pl.col("extension").is_not_null())
        .then(pl.lit("virtual"))
        .otherwise("kind")
        .alias("phone_kind"),
        pl.coalesce("extension", "switchboard").alias("extension"),
    )
    return spread(values, facts)


def phones_of(values: pl.Series, region: str = "CN") -> pl.Series:
    """Every number that a cell holds, in its order and once, E.164: ``13800001111/021-5888 1234（家）`` gives two.

    Virtual numbers are left out; an empty list where there is none, null where the value is.
    """
    known = distinct(values).alias("text").to_frame().with_columns(clean(pl.col("text")).alias("clean"))
    known = known.with_columns(phones_e164(known["clean"], region).alias("one"))
    # at least five digits, else there is nothing to find
    several = pl.col("one").is_null() & (pl.col("clean").str.count_matches("[0-9]") >= 5)
    found = distinct(known.filter(several)["clean"])
    slow = pl.DataFrame(
        {"clean": found, "many": [_numbers_in(value, region) for value in found]},
        schema={"clean": pl.String, "many": pl.List(pl.String)},
    )
    lists = known.join(slow, on="clean", how="left", maintain_order="left").select(
        "text",
        pl.when(pl.col("one").is_not_null())
        .then(pl.concat_list("one"))
        .otherwise(pl.coalesce("many", pl.lit([], dtype=pl.List(pl.String))))
        .alias("phones"),
    )
    return spread(values, lists)["phones"].alias(values.name)


def _read(value: str, region: str) -> tuple[str | None, str | None, str | None]:
    """E.164, kind and extension of one spelling."""
    text = clean_text(value)
    virtual = re.search(_VIRTUAL, text)
    if virtual:
        return None, "virtual", virtual[2]
    try:
        parsed = phonenumbers.parse(_SWITCHBOARD.sub(r"\1 ext \2", text), region)
    except phonenumbers.NumberParseException:
        return None, None, None
    if not phonenumbers.is_valid_number(parsed):
        return None, None, None
    kind = _KINDS.get(phonenumbers.number_type(parsed), "service")
    if parsed.extension and kind == "mobile":
        return None, "virtual", parsed.extension
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)), kind, parsed.extension


def _numbers_in(text: str, region: str) -> list[str]:
    # what stands between two numbers in a cell; the matcher would read 13800001111/13900002222 as one
    apart = re.sub(r"[/、;；,，|\n]+", " ; ", _VIRTUAL_ANYWHERE.sub(" ; ", text))
    # mainland mobiles first: the matcher refuses one that stands against letters or characters
    parts = (
        re.split(r"(?<![0-9+])(?:(?:\+?86|0086)[\s-]?)?(1[3-9][0-9]{9})(?![0-9])", apart) if region == "CN" else [apart]
    )
    found: list[str] = []
    for place, part in enumerate(parts):
        if place % 2:
            found.append(f"+86{part}")
            continue
        for match in phonenumbers.PhoneNumberMatcher(part, region):
            phone = phone_e164(match.raw_string, region)
            if phone:
                found.append(phone)
    return list(dict.fromkeys(found))
