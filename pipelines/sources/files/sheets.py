"""XLSX: a look at the package before it is inflated, then every cell as text through calamine.

The sheet's own XML is scanned once for what a text rendering would hide: merged cells, formulas without a stored
value, error cells, and numbers beyond the 15 digits that a spreadsheet keeps.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from xml.etree import ElementTree

import fastexcel
import polars as pl

from models.contracts import ROW_COLUMN
from models.documents.mapping import Format
from pipelines.sources.files.table import MAX_COLUMNS, FileRefusedError, Table, headers, no_ragged

MAX_UNPACKED = 256 * 1024**2  # a sheet of half a million order lines; calamine needs about 2.5 times as much
MAX_RATIO = 100  # real sheets pack 5 to 30 to one
_RATIO_FROM = 16 * 1024**2  # small packages may be repetitive
_MAX_ROW = 1_048_576

_REL_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ENTITY = re.compile(rb"<!(DOCTYPE|ENTITY)")
_CELL = re.compile(rb'<c r="([A-Z]+)([0-9]+)"([^>]*)(?<!/)>(.*?)</c>', re.DOTALL)  # cells that only have a style: no
_CELL_ROW = re.compile(rb'<c r="[A-Z]+([0-9]+)"')
_VALUE = re.compile(rb"<v[^>]*>([^<]+)</v>")
_TYPE = re.compile(rb'\bt="([a-zA-Z]+)"')
_MERGE = re.compile(rb'<mergeCell ref="([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)"')
_DIGITS = re.compile(r"[0-9]+")
_DATE_TEXT = re.compile(r"[:]|^\d{4}-\d")
#: How a cell without a readable value is written; the parsers refuse it in every kind of column.
NO_VALUE = "#FORMULA WITHOUT VALUE!"


@dataclass
class _Scan:
    """What the XML says; positions are 0-based (row, column) of the sheet."""

    overrides: dict[tuple[int, int], str]  # numbers: the text to show instead, error cells: the error
    merges: list[tuple[int, int, int]]  # first row, last row, column
    first_column: int  # of the text rendering, which begins at the first used column
    formulas_without_value: int = 0


def read_workbook(data: bytes, form: Format) -> Table:
    """Bytes of an XLSX file → Table. Raises FileRefusedError before anything big is inflated."""
    package = _package(data)
    sheets = _sheets(package)
    name, warnings = _chosen(sheets, form.sheet)
    scan = _scan(package, sheets[name][0])
    try:
        reader = fastexcel.read_excel(data)
        sheet = reader.load_sheet(name, header_row=None, skip_rows=0, dtypes="string", dtype_coercion="coerce")
    except fastexcel.FastExcelError as error:
        raise FileRefusedError(f"sheet {name!r} cannot be read: {error}; save it anew as .xlsx or CSV") from error
    cells = sheet.to_polars()
    if cells.is_empty():
        raise FileRefusedError(f"sheet {name!r} is empty")
    scan.first_column = sheet.available_columns()[0].absolute_index
    cells = _corrected(cells, scan)
    if form.header_row > cells.height:
        raise FileRefusedError(f"header_row is {form.header_row}, and sheet {name!r} has {cells.height} rows")
    frame = _body(cells, form.header_row)
    if scan.merges:
        warnings.append(f"{len(scan.merges)} merged cell(s): every row got the value of the first")
    return Table(frame, no_ragged(), 0, "xlsx", {"sheet": name}, tuple(warnings))


def _package(data: bytes) -> zipfile.ZipFile:
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise FileRefusedError(f"a damaged workbook or archive: {error}; save it anew") from error
    parts = package.infolist()
    size = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if size > MAX_UNPACKED or (size > _RATIO_FROM and size > MAX_RATIO * max(packed, 1)):
        raise FileRefusedError(
            f"the workbook unpacks to {size / 1024**2:,.0f} MB from {packed / 1024**2:,.1f} MB (limit "
            f"{MAX_UNPACKED // 1024**2} MB, {MAX_RATIO} to one); delete empty rows and columns, or save it as CSV"
        )
    names = package.namelist()
    if "xl/workbook.xml" not in names:
        kind = "an OpenDocument file" if "mimetype" in names else "an archive that holds no workbook"
        raise FileRefusedError(f"{kind}; save it as .xlsx or CSV")
    return package


def _part(package: zipfile.ZipFile, name: str) -> bytes:
    """One member, read to its declared size and no further. Raises FileRefusedError on damage."""
    try:
        with package.open(name) as stream:
            content = stream.read(MAX_UNPACKED + 1)
    except (KeyError, zipfile.BadZipFile, RuntimeError, EOFError, OSError) as error:
        raise FileRefusedError(f"the workbook is damaged in {name}: {error}; save it anew") from error
    if len(content) > MAX_UNPACKED:
        raise FileRefusedError(f"{name} unpacks to more than {MAX_UNPACKED // 1024**2} MB")
    return content


def _xml(package: zipfile.ZipFile, name: str) -> ElementTree.Element:
    content = _part(package, name)
    if _ENTITY.search(content):  # entity expansion is the XML form of a zip bomb
        raise FileRefusedError(f"{name} declares XML entities, which no spreadsheet program writes")
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise FileRefusedError(f"the workbook is damaged in {name}: {error}; save it anew") from error


def _sheets(package: zipfile.ZipFile) -> dict[str, tuple[str, bool]]:
    """Name → (path of its XML, visible), in order."""
    links = {link.get("Id"): link.get("Target", "") for link in _xml(package, "xl/_rels/workbook.xml.rels")}
    found = {}
    for sheet in _xml(package, "xl/workbook.xml").iterfind(".//{*}sheet"):
        target = links.get(sheet.get(_REL_ID), "")
        path = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
        if "chartsheets/" not in path:
            found[sheet.get("name", "")] = (path, sheet.get("state", "visible") == "visible")
    return found


def _chosen(sheets: dict[str, tuple[str, bool]], wanted: str | None) -> tuple[str, list[str]]:
    visible = [name for name, (_, seen) in sheets.items() if seen]
    if wanted is not None:
        if wanted not in sheets:
            raise FileRefusedError(f"no sheet {wanted!r}; the workbook has {', '.join(map(repr, sheets))}")
        return wanted, []
    if not visible:
        raise FileRefusedError("the workbook has no visible sheet; state format.sheet in the mapping")
    others = [name for name in sheets if name != visible[0]]
    if not others:
        return visible[0], []
    listed = ", ".join(repr(name) + ("" if sheets[name][1] else " (hidden)") for name in others)
    return visible[0], [f"read sheet {visible[0]!r}; not read: {listed} (state format.sheet for another)"]


def _scan(package: zipfile.ZipFile, path: str) -> _Scan:
    content = _part(package, path)
    scan = _Scan({}, [], 0)
    for match in _CELL.finditer(content):
        letters, number, attributes, inner = match.groups()
        column, row = _column(letters), int(number) - 1
        if inner and (column >= MAX_COLUMNS or row >= _MAX_ROW):
            raise FileRefusedError(f"a cell in column {letters.decode()}; a table has at most {MAX_COLUMNS} columns")
        if inner:
            _look_at_cell(scan, (row, column), attributes, inner)
    merges = _MERGE.findall(content)
    rows_with_cells = max((int(match[1]) - 1 for match in _CELL_ROW.finditer(content)), default=0) if merges else 0
    for left, top, right, bottom in merges:
        if bottom != top and _column(right) - _column(left) < MAX_COLUMNS and int(bottom) - 1 <= rows_with_cells:
            scan.merges.append((int(top) - 1, int(bottom) - 1, _column(left)))
    return scan


def _look_at_cell(scan: _Scan, place: tuple[int, int], attributes: bytes, inner: bytes) -> None:
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


def _corrected(cells: pl.DataFrame, scan: _Scan) -> pl.DataFrame:
    """The rendering of calamine with the scan's corrections; dates stay as rendered, merged cells are filled down."""
    touched: dict[int, dict[int, str]] = {}
    for (row, column), text in scan.overrides.items():
        touched.setdefault(column - scan.first_column, {})[row] = text
    by_column: dict[int, list[tuple[int, int]]] = {}
    for first, last, column in scan.merges:
        by_column.setdefault(column - scan.first_column, []).append((first, last))
    for position in sorted({*touched, *by_column}):
        if not 0 <= position < cells.width:
            continue
        values = cells.to_series(position).to_list()
        for row, text in touched.get(position, {}).items():
            if row < len(values) and not (values[row] and _DATE_TEXT.search(values[row]) and not text.startswith("#")):
                values[row] = text
        for first, last in by_column.get(position, []):
            for row in range(first + 1, min(last, len(values) - 1) + 1):
                values[row] = values[first]
        cells = cells.with_columns(pl.Series(cells.columns[position], values, dtype=pl.String))
    return cells


def _body(cells: pl.DataFrame, header_row: int) -> pl.DataFrame:
    """Rows behind the header. Columns without header and without a single cell are left out."""
    header = list(cells.row(header_row - 1))
    body = cells.slice(header_row)
    used = [
        position
        for position, name in enumerate(cells.columns)
        if (header[position] or "").strip() or body[name].null_count() < body.height
    ]
    body = body.select(cells.columns[position] for position in used)
    body.columns = headers([header[position] for position in used])
    return body.with_columns(pl.int_range(1, body.height + 1, dtype=pl.Int64).alias(ROW_COLUMN))
