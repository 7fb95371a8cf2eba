"""Files of people as the import reads them: any kind and encoding, all cells text; rows of another width set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models.contracts import ROW_COLUMN
from models.errors import ExpectedError
from pipelines.sources.files.reading import load_source, read_table

FILE = "_file"  # a column that every file has: its name without the ending


class FileToResolveError(ExpectedError, ValueError):
    """A file does not hold what its configuration says; the message names file and column."""


@dataclass(frozen=True)
class RecordFiles:
    """records: the files' columns and ``_file``; blanks around values cut off, an empty value is null.

    set_aside: file, row (1-based behind the header), found, wanted (cells): rows that are not as wide as their header.
    """

    records: pl.DataFrame
    set_aside: pl.DataFrame


def read_records(paths: Sequence[Path]) -> RecordFiles:
    """All rows of files of one form. Raises FileRefusedError for a file that cannot be read, FileToResolveError for
    files of different columns."""
    read = [_read(path) for path in paths]
    for path, (frame, _) in zip(paths[1:], read[1:], strict=True):
        if set(frame.columns) != set(read[0][0].columns):
            raise FileToResolveError(
                f"{path.name}: its columns are not those of {paths[0].name}; give files of one form, or run them apart"
            )
    columns = read[0][0].columns
    return RecordFiles(pl.concat([frame.select(columns) for frame, _ in read]), pl.concat([odd for _, odd in read]))


def _read(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    table = read_table(load_source(path))
    cells = pl.all().cast(pl.String).str.strip_chars().replace("", None)
    frame = table.frame.drop(ROW_COLUMN).select(cells).with_columns(pl.lit(path.stem).alias(FILE))
    odd = table.ragged.select(
        file=pl.lit(path.name), row=ROW_COLUMN, found="found", wanted=pl.lit(len(table.header), pl.Int64)
    )
    return frame, odd
