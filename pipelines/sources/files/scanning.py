"""A sheet's own XML, read once and piece by piece, for what a text rendering would hide.

Merged cells, formulas without a stored value, error cells, and numbers beyond the 15 digits that a spreadsheet keeps.
Only what is found is held, so that a million empty rows with a colour cost no memory.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from pipelines.sources.files.table import MAX_COLUMNS, FileRefusedError

MAX_UNPACKED = 256 * 1024**2  # a sheet of half a million order lines; calamine needs about 2.5 times as much
_MAX_ROW = 1_048_576
_PIECE = 1024**2
_MAX_HELD = 32 * 1024**2  # of one row, or of what stands behind the rows

_CELL = re.compile(rb'<c r="([A-Z]+)([0-9]+)"([^>]*)(?<!/)>(.*?)</c>', re.DOTALL)  # cells that only have a style: no
_VALUE = re.compile(rb"<v[^>]*>([^<]+)</v>")
_TYPE = re.compile(rb'\bt="([a-zA-Z]+)"')
_MERGE = re.compile(rb'<mergeCell ref="([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)"')
#: How a cell without a readable value is written; the parsers refuse it in every kind of column.
NO_VALUE = "#FORMULA WITHOUT VALUE!"


@dataclass
class Scan:
    """What the XML says; positions are 0-based (row, column) of the sheet.

    ``overrides``: numbers → the text to show instead, error cells → the error. ``merges``: first row, last row, column.
    ``last_row``: of the cells that hold something.
    """

    overrides: dict[tuple[int, int], str] = field(default_factory=dict)
    merges: list[tuple[int, int, int]] = field(default_factory=list)
    last_row: int = 0
    formulas_without_value: int = 0


def scan_sheet(package: zipfile.ZipFile, path: str) -> Scan:
    """Raises FileRefusedError when the sheet is damaged, too wide, or larger than it says."""
    scan = Scan()
    merges: list[tuple[bytes, ...]] = []
    for piece in _pieces(package, path):
        for match in _CELL.finditer(piece):
            letters, number, attributes, inner = match.groups()
            if inner:
                _look_at_cell(scan, letters, int(number) - 1, attributes, inner)
        if b"<mergeCell " in piece:
            merges += _MERGE.findall(piece)
    for left, top, right, bottom in merges:
        if bottom != top and _column(right) - _column(left) < MAX_COLUMNS and int(bottom) - 1 <= scan.last_row:
            scan.merges.append((int(top) - 1, int(bottom) - 1, _column(left)))
    return scan


def read_part(package: zipfile.ZipFile, name: str) -> bytes:
    """One member, read to its declared size and no further. Raises FileRefusedError on damage."""
    return b"".join(_read(package, name))


def _read(package: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    read = 0
    try:
        with package.open(name) as stream:
            while piece := stream.read(_PIECE):
                read += len(piece)
                if read > MAX_UNPACKED:
                    raise FileRefusedError(f"{name} unpacks to more than {MAX_UNPACKED // 1024**2} MB")
                yield piece
    except (KeyError, zipfile.BadZipFile, RuntimeError, EOFError, OSError) as error:
        raise FileRefusedError(f"the workbook is damaged in {name}: {error}; save it anew") from error


def _pieces(package: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The member in pieces that end between two rows; what stands behind the rows comes as one piece."""
    held = b""
    for piece in _read(package, name):
        held += piece
        cut = held.rfind(b"<row")
        if cut > 0:
            yield held[:cut]
            held = held[cut:]
        elif len(held) > _MAX_HELD:
            raise FileRefusedError(f"a row of {name} holds more than {_MAX_HELD // 1024**2} MB; save it as CSV")
    yield held


def _look_at_cell(scan: Scan, letters: bytes, row: int, attributes: bytes, inner: bytes) -> None:
    column = _column(letters)
    if column >= MAX_COLUMNS or row >= _MAX_ROW:
        raise FileRefusedError(f"a cell in column {letters.decode()}; a table has at most {MAX_COLUMNS} columns")
    scan.last_row = max(scan.last_row, row)
    place = (row, column)
    value = _VALUE.search(inner)
    kind = _TYPE.search(attributes)
    if b"<f" in inner and value is None and b"<is>" not in inner:
        if kind is None or kind[1] != b"str":  # a text formula may well give an empty text
            scan.overrides[place] = NO_VALUE
            scan.formulas_without_value += 1
        return
    if value is None:
        return
    if kind is not None and kind[1] == b"e":
        scan.overrides[place] = value[1].decode(errors="replace")
    elif (kind is None or kind[1] == b"n") and len(value[1]) > 15:
        scan.overrides[place] = _fifteen_digits(value[1].decode(errors="replace"))


def _fifteen_digits(text: str) -> str:
    """A stored number as its program shows it. Whole numbers of 16 digits and more have lost their end: as 1.2E+17."""
    number = Decimal(text)
    if abs(number) >= Decimal(10) ** 15:
        return f"{number:.14E}"
    return f"{Decimal(f'{number:.15g}'):f}"


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
