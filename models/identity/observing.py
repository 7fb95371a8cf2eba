"""Personas to observations: every value that a record states of a person, in its canonical form, under its type."""

import re

import numpy as np
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


def observe(
    personas: pl.DataFrame | pl.LazyFrame, company_phones: pl.Series, registry: IdentityRegistry
) -> pl.DataFrame:
    """Observations of the registry's types, columns OBSERVATIONS_SCHEMA, in no order.

    personas: persona_id (Int64), first_seen_at, last_seen_at, and a column for any type; of a lazy frame what is needed
    is read type by type. ``name`` gives name_sound and surname_reading, ``buyer_platform`` names the type of
    ``buyer_platform_id``. ``is_identifier``: not an attribute. ``refusal``: blocked (the registry lists it), company (a
    phone of the company's own); null: none.
    Raises ValuesCollideError when two values have one number.
    """
    personas = personas.lazy()
    columns = personas.collect_schema().names()
    named = _read(personas) if "name" in columns else pl.DataFrame()
    parts = []
    for name in registry.types:
        if name in columns:
            parts.append(_stated(personas, name, name, company_phones, registry))
        elif name in named.columns:
            parts.append(_stated(named.lazy(), name, name, company_phones, registry))
    if "buyer_platform" in columns:
        platforms = set(personas.select(pl.col("buyer_platform").unique()).collect().to_series().drop_nulls())
        for name in sorted(platforms & set(registry.types)):
            buyers = personas.filter(pl.col("buyer_platform") == name)
            parts.append(_stated(buyers, name, "buyer_platform_id", company_phones, registry))
    stated = pl.concat(parts)
    del parts, named
    _refuse_collisions(stated["value_id"], stated["check"])
    return stated.select(*OBSERVATIONS_SCHEMA)


def _stated(
    personas: pl.LazyFrame, kind: str, column: str, company_phones: pl.Series, registry: IdentityRegistry
) -> pl.DataFrame:
    """What personas state of one type, and ``check`` (``_numbered``); one type at a time, because most of a wide row is
    empty."""
    told = personas.filter(pl.col(column).is_not_null()).select(*_SEEN, identifier=pl.col(column).cast(pl.String))
    stated = told.collect().filter(pl.col("identifier") != "")
    company = pl.lit(kind == "phone") & pl.col("identifier").is_in(company_phones.implode())
    identifiers = {one.name: one for one in registry.identifiers}
    blocked = _blocked(stated["identifier"], identifiers[kind]) if kind in identifiers else pl.lit(value=False)
    refusal = pl.when(blocked).then(pl.lit("blocked")).when(company).then(pl.lit("company")).otherwise(None)
    named = stated.with_columns(identifier_type=pl.lit(kind), is_identifier=pl.lit(kind in identifiers))
    return named.with_columns(*_numbered(), refusal=refusal)


def value_ids(values: pl.DataFrame) -> pl.Series:
    """The number of each identifier under its type (columns IDENTIFIER), 60 bits of a hash: linking joins by it.

    Equal for equal values in one version of polars; a handle inside a run, never kept. Two different values with one
    number would make two people one, so that they are looked for by a second hash.
    Raises ValuesCollideError when there are such.
    """
    numbers = values.select(*_numbered())
    _refuse_collisions(numbers["value_id"], numbers["check"])
    return numbers["value_id"]


def _numbered() -> tuple[pl.Expr, pl.Expr]:
    """value_id of the columns IDENTIFIER, and check, a second hash of the same."""
    value = pl.struct(IDENTIFIER)
    number = (value.hash(_SEEDS[0]) // 2 ** (64 - VALUE_BITS)).cast(pl.Int64)
    return number.alias("value_id"), value.hash(_SEEDS[1]).alias("check")


def _refuse_collisions(numbers: pl.Series, checks: pl.Series) -> None:
    """Raises ValuesCollideError when there are fewer numbers than values, which the second hash tells apart.

    Both are counted, each by itself: to put one in order beside the other costs ten times as much.
    """
    values = _distinct(checks)
    if _distinct(numbers) < values:
        raise ValuesCollideError(
            f"two different values have one number of {VALUE_BITS} bits, in {values} values: "
            f"give {__name__} other _SEEDS"
        )


def _distinct(numbers: pl.Series) -> int:
    """How many different ones there are."""
    ordered = np.sort(numbers.to_numpy())
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1 if ordered.size else 0


def _read(personas: pl.LazyFrame) -> pl.DataFrame:
    """Personas that state a name: name_sound of names in full, surname_reading of Chinese ones, also of masked ones
    and such with a title."""
    named = personas.filter(pl.col("name").is_not_null()).select(*_SEEN, "name").collect()
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
