"""Rows of a table before they are read: which are skipped, which go where, and which are no rows at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN
from models.documents.mapping import Condition, Destination, Mapping
from pipelines.sources.files.cells import cleaned, where
from pipelines.sources.files.layout import TOTAL_ENDING, TOTAL_WORDS
from pipelines.sources.files.numbers import canonical
from pipelines.sources.files.table import (
    EXTRA_PREFIX,
    PROBLEM_COLUMN,
    SHEET_COLUMN,
    FileRefusedError,
    Table,
    folded,
    raw_json,
)

_SHOWN_HEADERS = 60


@dataclass(frozen=True)
class Sifted:
    """``rows``: text cells under their source headers, ``_row``, ``_raw``; skipped rows are counted by reason.

    ``ragged``: ``_row``, ``_raw``, ``rule`` of records that do not fit the header.
    """

    rows: pl.DataFrame
    ragged: pl.DataFrame
    skipped: dict[str, int]


def located(mapping: Mapping, header: Sequence[str]) -> dict[str, str]:
    """Each source name of the mapping → the column of the file; exactly, or else without case, spaces and width.

    Raises FileRefusedError naming every source that the header lacks, and the header.
    """
    exact = set(header)
    loose: dict[str, list[str]] = {}
    for name in header:
        loose.setdefault(folded(name), []).append(name)
    found = {}
    for source in mapping.sources():
        if source in exact:
            found[source] = source
        elif len(candidates := loose.get(folded(source), [])) == 1:
            found[source] = candidates[0]
    missing = sorted(mapping.sources() - set(found))
    if missing:
        raise FileRefusedError(_missing(missing, mapping.destinations(), header))
    return found


def _missing(missing: Sequence[str], destinations: Iterable[Destination], header: Sequence[str]) -> str:
    feeds = {
        source: sorted(
            {
                f"{to.dataset}.{target}" + (" (required)" if to.contract.by_name[target].required else "")
                for to in destinations
                for target, spec in to.columns.items()
                if spec.source == source
            }
        )
        for source in missing
    }
    named = "; ".join(f"{source!r}, mapped to {', '.join(feeds[source]) or 'a route'}" for source in missing)
    return (
        f"the file has no column {named}. Its header is: {', '.join(header[:_SHOWN_HEADERS])}. Correct the name under "
        "columns in the mapping, or delete the line when the file no longer has it and it is not required"
    )


def sift(table: Table, mapping: Mapping, headers: dict[str, str]) -> Sifted:
    """Blank and total rows, repeated headers and, where the mapping says so, repeated rows are skipped and counted."""
    cells = [name for name in table.header if name != PROBLEM_COLUMN]
    rows = table.frame.select(*cells, ROW_COLUMN)
    ragged = table.ragged.select(
        ROW_COLUMN,
        RAW_COLUMN,
        pl.when(pl.col("found").is_null())
        .then(pl.lit("the line is not a JSON object"))
        .otherwise(pl.format("the row has {} cells, the header {}", "found", pl.lit(len(cells))))
        .alias("rule"),
    )
    blank, total = _empty_and_totals(rows, cells, mapping, headers)
    skipped = {"blank": table.blank + int(blank.sum()), "total": int(total.sum()), "duplicate": 0}
    again = _header_again(rows, cells)
    for reason, count in (("header", int(again.sum())), ("footer", table.footer)):
        if count:
            skipped[reason] = count
    if skipped["blank"] > table.blank or skipped["total"] or skipped.get("header"):
        rows = rows.filter(~(blank | total | again))
    extra = [name for name in cells if name.startswith(EXTRA_PREFIX)]
    rows = rows.with_columns(raw_json(rows.select(cells), plain=table.plain))
    if extra:
        shifted = pl.any_horizontal(pl.col(extra).str.strip_chars() != "").fill_null(False)
        rule = pl.lit("the row has more cells than the header").alias("rule")
        ragged = pl.concat([ragged, rows.filter(shifted).select(ROW_COLUMN, RAW_COLUMN, rule)])
        rows = rows.filter(~shifted)
    if mapping.duplicates == "drop":
        before = rows.height
        rows = rows.filter(pl.col(RAW_COLUMN).is_first_distinct())
        skipped["duplicate"] = before - rows.height
    return Sifted(rows, ragged, skipped)


def _empty_and_totals(
    rows: pl.DataFrame, cells: Sequence[str], mapping: Mapping, headers: dict[str, str]
) -> tuple[pl.Series, pl.Series]:
    """Masks. Only rows that lack something required can be either, and those are few: they alone are looked at."""
    to = mapping.destinations()[0]
    required = {headers[to.columns[c.name].source] for c in to.contract.columns if c.required and c.name in to.columns}
    lacking = pl.Series([not required]).new_from_index(0, rows.height)
    for name in required:
        lacking = lacking | _blank(rows[name])
    places = lacking.arg_true()
    written = [name for name in cells if name != SHEET_COLUMN]  # the name of the sheet stands in no row
    stripped = rows.select(written)[places].select(pl.all().str.strip_chars())
    first = stripped.select(
        pl.coalesce(pl.when(pl.col(name) != "").then(pl.col(name)) for name in stripped.columns).alias("first")
    ).to_series()
    word = cleaned(first).str.to_lowercase().str.strip_chars_end(": ")
    is_total = (word.is_in(TOTAL_WORDS) | word.str.contains(TOTAL_ENDING)).fill_null(False)
    return _flags(rows.height, places.filter(first.is_null())), _flags(rows.height, places.filter(is_total))


def _header_again(rows: pl.DataFrame, cells: Sequence[str]) -> pl.Series:
    """Rows that repeat the header: pages of a printout, files put one behind the other."""
    places = (rows[cells[0]] == cells[0]).fill_null(False).arg_true()
    named = [name for name in cells if name != SHEET_COLUMN]
    same = [
        all(folded(row[name] or "") == folded(name) for name in named) for row in rows[places].iter_rows(named=True)
    ]
    return _flags(rows.height, places.filter(pl.Series(same, dtype=pl.Boolean)))


def _blank(values: pl.Series) -> pl.Series:
    """Nothing in it, or white space only: that begins with a character before ``!`` or beyond ASCII."""
    if ((values < "!") | (values > "~")).any():
        return (values.str.strip_chars() == "").fill_null(True)
    return values.is_null()


def _flags(height: int, places: pl.Series) -> pl.Series:
    flags = pl.Series([False]).new_from_index(0, height)
    return flags.scatter(places, True) if len(places) else flags


def holds(condition: Condition, cells: pl.Series) -> pl.Series:
    """Mask of the rows for which every test of a condition is true. ``cells``: its column, as read."""
    values = cleaned(cells)
    tests = []
    if condition.equals is not None:
        tests.append(values == condition.equals)
    if condition.one_of is not None:
        tests.append(values.is_in(list(condition.one_of)))
    if condition.starts_with is not None:
        tests.append(values.str.starts_with(condition.starts_with))
    if condition.matches is not None:
        tests.append(_matches(values, condition.matches))
    if condition.negative is not None:
        below = where(canonical(values)[0], lambda v: v.str.contains(r"^-.*[1-9]"))
        tests.append(below if condition.negative else ~below)
    if condition.empty is not None:
        tests.append(values.is_null() if condition.empty else values.is_not_null())
    mask = tests[0].fill_null(False)
    for test in tests[1:]:
        mask = mask & test.fill_null(False)
    return mask


def _matches(values: pl.Series, pattern: str) -> pl.Series:
    try:
        return values.str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        raise FileRefusedError(f"matches {pattern!r} is not a regular expression that is supported: {error}") from error


def routed(rows: pl.DataFrame, mapping: Mapping, headers: dict[str, str]) -> list[tuple[Destination, pl.DataFrame]]:
    """Each destination with its rows; a row goes to the first route whose condition holds, else to the dataset."""
    main, *routes = mapping.destinations()
    left = pl.Series([True]).new_from_index(0, rows.height)
    parts = []
    for route in routes:
        if route.when is None:
            raise TypeError("a route without a condition")
        mask = holds(route.when, rows[headers[route.when.column]]) & left
        parts.append((route, rows.filter(mask)))
        left = left & ~mask
    return [(main, rows if left.all() else rows.filter(left)), *parts]
