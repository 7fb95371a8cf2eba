"""Profiles as the probabilistic pass reads them: derived columns, and the blocks within which rows are compared."""

import hashlib
from datetime import date

import polars as pl

from models.documents.identity_files import FileMatching, MappedColumn
from models.documents.identity_matching import Companion, Matching, key_parts
from models.identifiers import in_form
from models.identity.comparing import pair_column, shape_column

ID = "unit"
SOURCE = "source"


def prepare(profiles: pl.DataFrame, matching: Matching) -> pl.DataFrame:
    """Rows sorted by ``unit``: the attributes that the document reads (lower case, empty is null) and derived columns.
    Dates lose their hyphens: YYYYMMDD.

    Derived: both parts of each latin name as one; what a mask leaves of each name; ``block_<n>``, the nth blocking
    rule's value, null where a key is missing or the block holds one row or more than ``largest_block``. An attribute
    that no profile states is null.
    """
    absent = [name for name in matching.attributes if name not in profiles.columns]
    dates = {one.attribute for one in matching.comparisons if one.kind == "date"}
    dates |= {one.attribute for one in _companions(matching) if one.kind == "date"}
    text = profiles.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
    text = text.select(
        ID,
        *([SOURCE] if matching.between else []),
        *(_text(name, name in dates) for name in matching.attributes),
    ).sort(ID)
    names = [
        pl.concat_str(comparison.attribute, comparison.partner or "", separator=" ").alias(pair_column(comparison))
        for comparison in matching.comparisons
        if comparison.kind == "latin_name"
    ] + [
        (pl.col(one.attribute).str.head(1).replace("*", None) + "*").alias(shape_column(one))
        for one in matching.comparisons
        if one.kind == "name" and one.jointly is None
    ]
    blocks = [_block(rule, matching.largest_block).alias(f"block_{n}") for n, rule in enumerate(matching.blocking)]
    return text.with_columns(*names, *blocks)


def profiles_of(records: pl.DataFrame, config: FileMatching) -> pl.DataFrame:
    """Profiles of a foreign file, one per record: unit, source (when the document names it), a column per attribute in
    the form that the document asks for."""
    source = [] if config.source is None else [pl.col(config.source).cast(pl.String).alias(SOURCE)]
    attributes = [
        _in_form(records[one.column], one, config.as_of).alias(name) for name, one in config.attributes.items()
    ]
    return records.select(pl.col(config.record).cast(pl.String).alias(ID), *source, *attributes)


def _in_form(values: pl.Series, column: MappedColumn, today: date | None) -> pl.Series:
    if column.form is None:
        return values
    return in_form(values.cast(pl.String), column.form, region=column.region, today=today or date.max)


def fingerprint(profiles: pl.DataFrame) -> str:
    """First 16 hex digits of the sha256 over the prepared rows: on which data a model was trained."""
    return hashlib.sha256(profiles.write_csv().encode()).hexdigest()[:16]


def _companions(matching: Matching) -> list[Companion]:
    return [one.jointly for one in matching.comparisons if one.jointly is not None]


def _text(name: str, is_date: bool) -> pl.Expr:
    value = pl.col(name).cast(pl.String).str.strip_chars().str.to_lowercase()
    return (value.str.replace_all("-", "", literal=True) if is_date else value).replace("", None)


def _block(rule: tuple[str, ...], largest: int) -> pl.Expr:
    value = pl.concat_str([_part(key) for key in rule], separator="\x1f")
    size = pl.len().over(value)
    return pl.when(size.is_between(2, largest)).then(value)


def _part(key: str) -> pl.Expr:
    attribute, characters = key_parts(key)
    column = pl.col(attribute)
    if characters is None:
        return column
    return column.str.head(characters) if characters > 0 else column.str.tail(-characters)
