"""What reading a file gives, and the one error that it raises."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN
from models.errors import ExpectedError
from models.formulas import unguarded

PROBLEM_COLUMN = "_problem"  # added by the export of rejects, ignored when the repaired file comes back
EXTRA_PREFIX = "_extra_"  # cells beyond the header, so that they are neither lost nor shifted
SHEET_COLUMN = "_sheet"  # the name of the sheet, where several are read as one table
MAX_COLUMNS = 512
MAX_BYTES = 4 * 1024**3  # a file is held in memory; more than this is a mistake or belongs into several files

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
#: Names that the importer itself gives to columns.
_TAKEN = (ROW_COLUMN, RAW_COLUMN)


class FileRefusedError(ExpectedError):
    """The file as a whole cannot be imported; nothing was landed. The message names the reason and the remedy."""


@dataclass(frozen=True)
class Table:
    """A file read as text.

    ``frame``: one row per well-formed record, the cells as text under their source headers, then ``_row`` (1-based
    behind the header). ``ragged``: records with more or fewer cells than the header: ``_row``, ``_raw`` (JSON of
    the cells), ``found`` (cells) or, for a line that is no record at all, null. ``blank``: empty lines. ``footer``:
    rows behind the end of the table.
    """

    frame: pl.DataFrame
    ragged: pl.DataFrame
    blank: int
    kind: str  # csv, xlsx, parquet, jsonl
    details: dict[str, str]
    warnings: tuple[str, ...] = ()
    footer: int = 0
    plain: bool = False  # known: no cell holds a quote, a backslash or a control character

    @property
    def rows(self) -> int:
        """Every row behind the header, blank and ragged ones too."""
        return self.frame.height + self.ragged.height + self.blank + self.footer

    @property
    def header(self) -> list[str]:
        return [name for name in self.frame.columns if name != ROW_COLUMN]


def no_ragged() -> pl.DataFrame:
    return pl.DataFrame(schema={ROW_COLUMN: pl.Int64, RAW_COLUMN: pl.String, "found": pl.Int64})


def headers(cells: Sequence[str | None]) -> list[str]:
    """Column names from header cells: cleaned; a blank one gets its position, a repeated one a number.

    Raises FileRefusedError when there are none, or too many to be a table.
    """
    cleaned = [_INVISIBLE.sub("", unicodedata.normalize("NFKC", cell or "")).strip() for cell in cells]
    cleaned = unguarded(pl.Series([" ".join(name.split()) for name in cleaned], dtype=pl.String)).to_list()
    if not any(cleaned):
        raise FileRefusedError("the header row is blank; state format.header_row in the mapping")
    if len(cleaned) > MAX_COLUMNS:
        raise FileRefusedError(f"{len(cleaned)} columns; a table has at most {MAX_COLUMNS}: delete the empty ones")
    taken: set[str] = set(_TAKEN)
    names = []
    for position, name in enumerate(cleaned, start=1):
        wanted = name or f"column {position}"
        unique, number = wanted, 2
        while unique in taken:
            unique, number = f"{wanted} ({number})", number + 1
        taken.add(unique)
        names.append(unique)
    return names


def folded(name: str) -> str:
    """A header as it is compared: without case, spaces, underscores, hyphens, brackets' content kept, full width."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name)).casefold()
    return re.sub(r"[\s_\-./:*#()\[\]'\"]", "", text)


def raw_json(frame: pl.DataFrame, *, plain: bool = False) -> pl.Series:
    """The cells of each row as JSON text, in the order of the file; the lake's ``_raw``.

    ``plain``: no cell needs escaping, then the pieces are put together in half the time.
    """
    cells = [name for name in frame.columns if name not in (ROW_COLUMN, RAW_COLUMN, PROBLEM_COLUMN)]
    if plain and cells:
        return frame.select(_joined({name: frame[name].null_count() > 0 for name in cells})).to_series()
    return frame.select(pl.struct(cells).struct.json_encode().alias(RAW_COLUMN)).to_series()


def _joined(cells: dict[str, bool]) -> pl.Expr:
    """``raw_json`` for cells without anything to escape; ``cells``: name → whether some are null."""
    parts = []
    before = "{"
    for name, nulls in cells.items():
        key = f"{before}{json.dumps(name, ensure_ascii=False)}:"
        before = ","
        if nulls:
            parts += [pl.lit(key), pl.format('"{}"', pl.col(name)).fill_null("null")]
        else:
            parts += [pl.lit(f'{key}"'), pl.col(name)]
            before = '",'
    return pl.concat_str(*parts, pl.lit("}" if before == "," else '"}')).alias(RAW_COLUMN)
