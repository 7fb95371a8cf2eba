"""How a hand-made sheet is laid out: one table on it, or two that no header can speak for.

A second table is refused by name and never read as rows of the first: its cells would stand under the wrong headers.
"""

import re
from collections.abc import Sequence

import polars as pl

from pipelines.sources.files.table import FileRefusedError

#: How people and spreadsheet programs name a row that adds up the rows above it.
TOTAL_WORDS = (
    "合计", "总计", "小计", "汇总", "累计", "总合计", "合計", "總計", "小計",
    "total", "totals", "grand total", "subtotal", "sum",
)  # fmt: skip
#: The same behind a name: what the subtotals of a spreadsheet program look like (一店 汇总), and 本页小计.
TOTAL_ENDING = r"^[^0-9]{1,20}(合计|小计|总计|汇总|累计|合計|小計|總計)$"
_DIGIT = re.compile(r"[0-9]")


def one_table(cells: pl.DataFrame, header_row: int, sheet: str) -> None:
    """Raises FileRefusedError when a second table stands beside or below the one of the header.

    Beside: an empty column parts two headers of two names or more. Below: behind a gap (an empty row, a title or a
    total) a row has words in two or more columns that hold digits above it, and rows with digits follow.
    """
    header = [(cell or "").strip() for cell in cells.row(header_row - 1)]
    body = cells.slice(header_row)
    _not_beside(header, body, sheet)
    _not_below(body, header_row, sheet)


def footer_begins(cells: pl.Series, words: Sequence[str]) -> pl.Series:
    """Mask of the first cells of rows that begin with one of the words by which a mapping knows the end of a table."""
    bare = cells.str.strip_chars()
    mask = pl.Series([False]).new_from_index(0, len(cells))
    for word in words:
        mask = mask | bare.str.starts_with(word).fill_null(False)
    return mask


def _not_beside(header: list[str], body: pl.DataFrame, sheet: str) -> None:
    named = [position for position, name in enumerate(header) if name]
    if len(named) < 4:
        return
    for gap in range(named[0] + 1, named[-1]):
        left = sum(position < gap for position in named)
        if not header[gap] and left >= 2 and len(named) - left >= 2 and _empty(body, gap):
            raise FileRefusedError(
                f"sheet {sheet!r} holds two tables side by side, parted by the empty column {column_name(gap)}: give "
                "each a sheet of its own, or delete the empty column if it is one table"
            )


def _empty(body: pl.DataFrame, position: int) -> bool:
    values = body.to_series(position)
    return bool((values.str.strip_chars() == "").fill_null(True).all())


def _not_below(body: pl.DataFrame, header_row: int, sheet: str) -> None:
    if body.height < 3:
        return
    filled = body.select(pl.sum_horizontal(pl.all().is_not_null().cast(pl.Int64)).alias("n"))["n"]
    few = (filled <= 1) | _totals(body)
    behind = (few.shift(1).fill_null(False) & (filled >= 2)).arg_true().to_list()
    for row in behind[:_LOOKED_AT]:
        if _is_header(body, int(row)):
            raise FileRefusedError(
                f"sheet {sheet!r} holds a second table that begins in row {header_row + row + 1}: give each table a "
                "sheet of its own"
            )


_LOOKED_AT = 200  # gaps; a sheet with more of them is one table with many blank rows


def _totals(body: pl.DataFrame) -> pl.Series:
    first = body.select(pl.coalesce(pl.all()).alias("first"))["first"].str.strip_chars().str.to_lowercase()
    return (first.is_in(TOTAL_WORDS) | first.str.contains(TOTAL_ENDING)).fill_null(False)


def _is_header(body: pl.DataFrame, row: int) -> bool:
    cells = body.row(row)
    if any(cell is not None and _DIGIT.search(cell) for cell in cells):
        return False
    above, below = body.head(row), body.slice(row + 1, 20)
    over_digits = [
        position
        for position, cell in enumerate(cells)
        if cell is not None and _mostly_digits(above.to_series(position)) and _some_digits(below.to_series(position))
    ]
    return len(over_digits) >= 2


def _mostly_digits(values: pl.Series) -> bool:
    values = values.head(1000).drop_nulls()
    return values.len() > 0 and int(values.str.contains("[0-9]").sum()) * 2 > values.len()


def _some_digits(values: pl.Series) -> bool:
    return bool(values.drop_nulls().str.contains("[0-9]").any())


def column_name(position: int) -> str:
    """0 → A, 26 → AA."""
    name, left = "", position + 1
    while left:
        left, digit = divmod(left - 1, 26)
        name = chr(65 + digit) + name
    return name
