"""Which dataset a file may hold, from the words of its first rows: a guess that a person confirms."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from models.documents.mapping import file_datasets
from pipelines.sources.files.table import Table, folded

HEADER_WITHIN = 20  # rows looked at for the header, as the proposal does
_REQUIRED, _KNOWN = 0.6, 0.4  # weights: required columns that were met, headers that mean something


@dataclass(frozen=True)
class Likely:
    """``score`` from 0 to 1; ``header_row`` from 1."""

    dataset: str
    score: float
    header_row: int


def candidate_headers(table: Table) -> dict[int, list[str]]:
    """Row number in the file, from 1 → its cells, for the header as read and the rows below it."""
    found = {1: table.header}
    for row in table.frame.head(HEADER_WITHIN).to_dicts():
        number = int(row.pop(ROW_COLUMN))
        found[number + 1] = [cell for cell in row.values() if cell]
    for number, raw in table.ragged.head(HEADER_WITHIN).select(ROW_COLUMN, RAW_COLUMN).rows():
        cells = _cells(raw)
        found[int(number) + 1] = [str(cell) for cell in cells if cell]
    return {row: found[row] for row in sorted(found) if row <= HEADER_WITHIN}


def likely_datasets(headers: Mapping[int, Sequence[str]]) -> list[Likely]:
    """Every dataset of the file door with its best header row, the likeliest first."""
    words = {row: {folded(cell) for cell in cells} for row, cells in headers.items()}
    found = []
    for dataset in file_datasets():
        scores = {row: _score(dataset, cells) for row, cells in words.items() if cells}
        row = max(scores, key=lambda row: (scores[row], -row), default=1)
        found.append(Likely(dataset, round(scores.get(row, 0.0), 3), row))
    return sorted(found, key=lambda one: -one.score)


def _score(dataset: str, cells: set[str]) -> float:
    of = contract(dataset)
    met = {column.name for column in of.columns if _names(dataset)[column.name] & cells}
    every: set[str] = set().union(*_names(dataset).values())
    required = [column.name for column in of.columns if column.required]
    share = sum(name in met for name in required) / len(required) if required else 0.0
    return _REQUIRED * share + _KNOWN * len(cells & every) / len(cells)


@cache
def _names(dataset: str) -> dict[str, frozenset[str]]:
    return {
        column.name: frozenset(folded(name) for name in (column.name, column.en, column.zh, *column.synonyms) if name)
        for column in contract(dataset).columns
    }


def _cells(raw: str | None) -> list[object]:
    read = json.loads(raw) if raw else {}
    return list(read.values()) if isinstance(read, dict) else []


def first_cells(frame: pl.DataFrame, header: Sequence[str], rows: int) -> dict[str, str]:
    """Header → its first filled cell among the first rows; empty when there is none."""
    sample = frame.head(rows).select(pl.col(list(header)).str.strip_chars())
    return {name: next((cell for cell in sample[name].to_list() if cell), "") for name in header}
