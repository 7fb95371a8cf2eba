"""Personas to observations: every value that a record states of a person, in its canonical form, under its type."""

import re

import polars as pl

from models.documents.identity import IdentityRegistry
from models.identifiers import person_names

IDENTIFIER = ["identifier_type", "identifier"]
#: Between whoever states values (the warehouse, a file) and the linking models. One row per persona and value.
OBSERVATIONS_SCHEMA: dict[str, pl.DataType] = {
    "persona_id": pl.String(),
    "identifier_type": pl.String(),
    "identifier": pl.String(),
    "refusal": pl.String(),
    "is_identifier": pl.Boolean(),
    "first_seen_at": pl.Datetime("us"),
    "last_seen_at": pl.Datetime("us"),
}
_SEEN = ["persona_id", "first_seen_at", "last_seen_at"]


def observe(personas: pl.DataFrame, company_phones: pl.Series, registry: IdentityRegistry) -> pl.DataFrame:
    """Observations of the registry's types, columns OBSERVATIONS_SCHEMA, in no order.

    personas: persona_id, first_seen_at, last_seen_at, and a column for any type; ``name`` gives name_sound and
    surname_reading, ``buyer_platform`` names the type of ``buyer_platform_id``. ``is_identifier``: not an attribute.
    ``refusal``: blocked (the registry lists it), company (a phone of the company's own); null: none.
    """
    wide = personas.with_columns(_read(personas["name"])) if "name" in personas.columns else personas
    columns = [name for name in registry.types if name in wide.columns]
    rows = wide.select(*_SEEN, *(pl.col(name).cast(pl.String) for name in columns)).unpivot(
        index=_SEEN, on=columns, variable_name="identifier_type", value_name="identifier"
    )
    if "buyer_platform" in wide.columns:
        buyers = wide.filter(pl.col("buyer_platform").is_in(registry.types)).select(
            *_SEEN, identifier_type="buyer_platform", identifier="buyer_platform_id"
        )
        rows = pl.concat([rows, buyers.select(rows.columns)])
    stated = rows.filter(pl.col("identifier").is_not_null() & (pl.col("identifier") != ""))
    company = pl.col("identifier_type").eq("phone") & pl.col("identifier").is_in(company_phones.implode())
    return stated.with_columns(
        refusal=pl.when(_blocked(stated, registry))
        .then(pl.lit("blocked"))
        .when(company)
        .then(pl.lit("company"))
        .otherwise(None),
        is_identifier=pl.col("identifier_type").is_in([kind.name for kind in registry.identifiers]),
    ).select(*OBSERVATIONS_SCHEMA)


def _read(names: pl.Series) -> list[pl.Series]:
    """name_sound of names in full, surname_reading of Chinese ones, also of masked ones and such with a title."""
    read = person_names(names)
    chinese = read["name_kind"].is_in(["full", "masked", "surname_title"])
    surnames = read.select(pl.when(chinese).then(pl.col("name_pinyin").str.split(" ").list.first()))
    return [read["name_sound"], surnames.to_series().alias("surname_reading")]


def _blocked(stated: pl.DataFrame, registry: IdentityRegistry) -> pl.Expr:
    refused = pl.lit(value=False)
    for kind in registry.identifiers:
        bad = pl.lit(value=False)
        if kind.blocked:
            bad = bad | pl.col("identifier").str.to_lowercase().is_in(list(kind.blocked))
        for pattern in kind.blocked_patterns:
            bad = bad | _matches(stated, kind.name, pattern)
        refused = refused | (pl.col("identifier_type").eq(kind.name) & bad)
    return refused


def _matches(stated: pl.DataFrame, kind: str, pattern: str) -> pl.Expr:
    """Values of one type that match. Patterns may use back references, which only Python has: each value once."""
    values = stated.filter(pl.col("identifier_type") == kind)["identifier"].unique()
    compiled = re.compile(pattern)
    return pl.col("identifier").is_in([value for value in values if compiled.search(value)])
