"""Personas to observations: every value that a record states of a person, in its canonical form, under its type."""

import re

import polars as pl

from models.documents.identity import IdentifierType, IdentityRegistry
from models.identifiers import person_names

IDENTIFIER = ["identifier_type", "identifier"]
#: Between whoever states values (the warehouse, a file) and the linking models. One row per persona and value; a
#: persona states at most one value of a type. ``value_id``: see ``value_ids``.
OBSERVATIONS_SCHEMA: dict[str, pl.DataType] = {
    "persona_id": pl.Int64(),
    "identifier_type": pl.String(),
    "identifier": pl.String(),
    "value_id": pl.Int64(),
    "refusal": pl.String(),
    "is_identifier": pl.Boolean(),
    "first_seen_at": pl.Datetime("us"),
    "last_seen_at": pl.Datetime("us"),
}
VALUE_BITS = 60  # six of them can be added up in 63
_SEEDS = (0, 1)
_SEEN = ["persona_id", "first_seen_at", "last_seen_at"]


class ValuesCollideError(Exception):
    """Two different values have one number; nothing was linked."""


def observe(personas: pl.DataFrame, company_phones: pl.Series, registry: IdentityRegistry) -> pl.DataFrame:
    """Observations of the registry's types, columns OBSERVATIONS_SCHEMA, in no order.

    personas: persona_id (Int64), first_seen_at, last_seen_at, and a column for any type; ``name`` gives name_sound and
    surname_reading, ``buyer_platform`` names the type of ``buyer_platform_id``. ``is_identifier``: not an attribute.
    ``refusal``: blocked (the registry lists it), company (a phone of the company's own); null: none.
    Raises ValuesCollideError when two values have one number.
    """
    named = _read(personas) if "name" in personas.columns else personas.clear()
    parts = []
    for name in registry.types:
        frame = named if name in named.columns and name not in personas.columns else personas
        if name in frame.columns:
            parts.append(_stated(frame, name, name, company_phones, registry))
    if "buyer_platform" in personas.columns:
        platforms = set(personas["buyer_platform"].drop_nulls().unique()) & set(registry.types)
        for name in sorted(platforms):
            buyers = personas.filter(pl.col("buyer_platform") == name)
            parts.append(_stated(buyers, name, "buyer_platform_id", company_phones, registry))
    stated = pl.concat(parts)
    return stated.with_columns(value_ids(stated)).select(*OBSERVATIONS_SCHEMA)


def _stated(
    personas: pl.DataFrame, kind: str, column: str, company_phones: pl.Series, registry: IdentityRegistry
) -> pl.DataFrame:
    """What personas state of one type, without its number; one type at a time, because most of a wide row is empty."""
    text = pl.col(column).cast(pl.String)
    stated = personas.filter(text.is_not_null() & (text != "")).select(*_SEEN, identifier=text)
    company = pl.lit(kind == "phone") & pl.col("identifier").is_in(company_phones.implode())
    identifiers = {one.name: one for one in registry.identifiers}
    blocked = _blocked(stated["identifier"], identifiers[kind]) if kind in identifiers else pl.lit(value=False)
    refusal = pl.when(blocked).then(pl.lit("blocked")).when(company).then(pl.lit("company")).otherwise(None)
    return stated.with_columns(refusal=refusal, identifier_type=pl.lit(kind), is_identifier=pl.lit(kind in identifiers))


def value_ids(values: pl.DataFrame) -> pl.Series:
    """The number of each identifier under its type (columns IDENTIFIER), 60 bits of a hash: linking joins by it.

    Equal for equal values in one version of polars; a handle inside a run, never kept. Two different values with one
    number would make two people one, so that they are looked for by a second hash.
    Raises ValuesCollideError when there are such.
    """
    value = pl.struct(IDENTIFIER)
    numbers = values.select(
        value_id=(value.hash(_SEEDS[0]) // 2 ** (64 - VALUE_BITS)).cast(pl.Int64), check=value.hash(_SEEDS[1])
    )
    number, check = pl.col("value_id"), pl.col("check")
    is_taken = (number == number.shift()) & (check != check.shift())  # in order, equal numbers stand together
    if numbers.sort("value_id").select(is_taken.any()).item():
        raise ValuesCollideError(
            f"two different values have one number of {VALUE_BITS} bits, in {numbers['value_id'].n_unique()} values: "
            f"give {__name__} other _SEEDS"
        )
    return numbers["value_id"]


def _read(personas: pl.DataFrame) -> pl.DataFrame:
    """Personas that state a name: name_sound of names in full, surname_reading of Chinese ones, also of masked ones
    and such with a title."""
    named = personas.filter(pl.col("name").is_not_null())
    read = person_names(named["name"])
    chinese = read["name_kind"].is_in(["full", "masked", "surname_title"])
    surnames = read.select(pl.when(chinese).then(pl.col("name_pinyin").str.split(" ").list.first()))
    return named.select(_SEEN).with_columns(read["name_sound"], surnames.to_series().alias("surname_reading"))


def _blocked(values: pl.Series, kind: IdentifierType) -> pl.Expr:
    """Values that are listed, in small letters, or match a pattern. Patterns may use back references, which only Python
    has: each value once."""
    refused = pl.col("identifier").str.to_lowercase().is_in(list(kind.blocked))
    for pattern in kind.blocked_patterns:
        compiled = re.compile(pattern)
        refused = refused | pl.col("identifier").is_in([value for value in values.unique() if compiled.search(value)])
    return refused
