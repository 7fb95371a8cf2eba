"""Personas and groups of them as profiles of the probabilistic pass: what they tell of a person, each value read once.

What a record says of its own person is one thing, to whom an order went another: one order in sixteen is a gift. A
receiver counts for a group only when most of its orders that show a phone show that one, and then as a whole: the name
and the district of those orders. Numbers that a platform lends (with an extension) are nobody's and are not read.
"""

from collections.abc import Callable

import polars as pl

from models.identifiers import addresses_of_parts, person_names, phone_mask
from models.identifiers.text import distinct
from models.identity.profiles import ID

GROUP = "group"
#: What a document may compare; all text. ``name``: in full, or the surname and a star (王*); never a nickname.
ATTRIBUTES = ("name", "name_pinyin", "phone_mask", "city", "district", "birth_date", "gender")
_OWN = ("name", "name_pinyin", "city", "birth_date", "gender")
_RECEIVER = ("name", "name_pinyin", "city", "district")
_STATED = (
    *("gender", "birth_date", "name", "city", "receiver_name", "receiver_phone"),
    *("receiver_province", "receiver_city", "receiver_district"),
)
_MOST_PHONES = 3  # numbers of one customer that are met under their masks: his old one, and his wife's


def read_personas(personas: pl.DataFrame | pl.LazyFrame, phones: pl.DataFrame) -> pl.DataFrame:
    """One row per persona: persona_id, records_count, the own values (name, name_pinyin, phone_mask, city, birth_date,
    gender) and the receiver's (receiver_name, receiver_name_pinyin, receiver_mask, receiver_city, receiver_district).
    Values are categories in the order of their text, a quarter of its size.

    personas: the model ``personas``. phones: persona_id, phone; numbers that are somebody's (not the staff's).
    """
    wide = personas.lazy().select("persona_id", "records_count", *_STATED).collect()
    names = _beside(wide["name"], lambda known: _names(known).select("name", "name_pinyin"))
    sent = _beside(wide["receiver_name"], lambda known: _names(known).select(pl.all().name.prefix("receiver_")))
    lives = _beside(wide["city"], lambda known: addresses_of_parts(known.to_frame()).select("city"))
    parts = wide.select(province="receiver_province", city="receiver_city", district="receiver_district")
    goes = _places(parts).rename({"city": "receiver_city", "district": "receiver_district"})
    masks = _beside(wide["receiver_phone"], lambda known: phone_mask(known).alias("receiver_mask").to_frame())
    told = [_beside(wide[name], pl.Series.to_frame) for name in ("birth_date", "gender")]
    wide = wide.select("persona_id", "records_count")
    numbers = wide.join(phones.unique("persona_id"), on="persona_id", how="left", maintain_order="left")["phone"]
    own = _beside(numbers, lambda known: phone_mask(known).alias("phone_mask").to_frame())
    return pl.concat([wide, names, own, lives, *told, sent, masks, goes], how="horizontal")


def _beside(values: pl.Series, read: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """What is read of a column, each different value once, laid beside every value as categories."""
    known = distinct(values).alias(values.name)
    places = values.cast(pl.String).cast(pl.Enum(known)).to_physical()
    return pl.DataFrame([_ranked(answers).gather(places) for answers in read(known)])


def _places(parts: pl.DataFrame) -> pl.DataFrame:
    """city, district of addresses in parts, as categories; most rows state none."""
    stated = parts.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    places = pl.select(pl.when(stated).then(stated.cum_sum() - 1)).to_series()
    found = addresses_of_parts(parts.filter(stated)).select("city", "district")
    return pl.DataFrame([_ranked(values).gather(places) for values in found])


def _ranked(values: pl.Series) -> pl.Series:
    """Text as categories in its order."""
    return values.cast(pl.Enum(distinct(values).sort()))


def of_personas(read: pl.DataFrame) -> pl.DataFrame:
    """A profile per persona, to learn from: unit and ATTRIBUTES. read: read_personas."""
    text = read.with_columns(pl.col(pl.Enum).cast(pl.String))
    return text.select(
        pl.col("persona_id").cast(pl.String).alias(ID),
        pl.coalesce("name", "receiver_name").alias("name"),
        pl.coalesce("name_pinyin", "receiver_name_pinyin").alias("name_pinyin"),
        pl.coalesce("phone_mask", "receiver_mask").alias("phone_mask"),
        pl.coalesce("city", "receiver_city").alias("city"),
        pl.col("receiver_district").alias("district"),
        "birth_date",
        "gender",
    )


def of_groups(read: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Profiles of groups: unit, group, orders (with the receiver's mask; null: the phone is the group's own),
    ATTRIBUTES. A group with several phones has a profile for each of its three most frequent ones; one that states
    neither a phone nor a name with a date of birth has none. Sorted by group, unit is the place in that order.

    read: read_personas. groups: persona_id, group.
    """
    facts = read.join(groups, on="persona_id")
    own_phones = _counted(facts, "phone_mask").filter(pl.int_range(pl.len()).over(GROUP) < _MOST_PHONES)
    sent = _receivers(facts.join(own_phones, on=GROUP, how="anti"))
    found = facts.select(pl.col(GROUP).unique()).join(own_phones.select(GROUP, "phone_mask"), on=GROUP, how="left")
    for name in _OWN:
        found = found.join(_most(facts, name), on=GROUP, how="left")
    found = found.join(sent, on=GROUP, how="left")
    districts = _most(facts.filter(pl.col("receiver_mask").is_null()), "receiver_district")
    text = found.join(districts, on=GROUP, how="left").with_columns(pl.col(pl.Enum).cast(pl.String))
    filled = text.select(
        GROUP,
        "orders",
        pl.coalesce("phone_mask", "receiver_mask").alias("phone_mask"),
        *(pl.coalesce(name, f"receiver_{name}").alias(name) for name in ("name", "name_pinyin", "city")),
        pl.coalesce("receiver_district", "receiver_district_right").alias("district"),
        *("birth_date", "gender"),
    )
    useful = pl.col("phone_mask").is_not_null() | (pl.col("name").is_not_null() & pl.col("birth_date").is_not_null())
    ordered = filled.filter(useful).sort(GROUP, "phone_mask")
    return ordered.with_columns(pl.int_range(pl.len()).cast(pl.String).str.zfill(10).alias(ID))


def _names(values: pl.Series) -> pl.DataFrame:
    """name and name_pinyin of whole names; 王* of masks and titles; nothing of nicknames and foreign names."""
    read = person_names(values)
    full = pl.col("name_kind") == "full"
    hidden = pl.col("name_kind").is_in(["masked", "surname_title"]) & pl.col("surname").is_not_null()
    return read.select(
        pl.when(full).then("name").when(hidden).then("name_mask").alias("name"),
        pl.when(full).then("name_pinyin").alias("name_pinyin"),
    )


def _counted(facts: pl.DataFrame, name: str) -> pl.DataFrame:
    """group, the value, orders (records that state it): the most frequent first in each group, the smallest of
    equals."""
    return (
        facts.drop_nulls(name)
        .group_by(GROUP, name)
        .agg(orders=pl.col("records_count").sum())
        .sort(GROUP, "orders", name, descending=[False, True, False])
    )


def _most(facts: pl.DataFrame, name: str) -> pl.DataFrame:
    return _counted(facts, name).unique(GROUP, keep="first", maintain_order=True).drop("orders")


def _receivers(facts: pl.DataFrame) -> pl.DataFrame:
    """group, receiver_mask, orders, and the receiver's other values: of groups most of whose orders go to one phone."""
    shown = _counted(facts, "receiver_mask").filter(pl.col("orders") * 2 > pl.col("orders").sum().over(GROUP))
    there = facts.join(shown.select(GROUP, "receiver_mask"), on=[GROUP, "receiver_mask"], how="semi")
    for name in _RECEIVER:
        shown = shown.join(_most(there, f"receiver_{name}"), on=GROUP, how="left")
    return shown
