"""XLSX: a look at the package before it is inflated, then every cell as text through calamine.

One sheet is read, or with ``sheet: "*"`` every visible one of the same layout. What a text rendering hides,
``scanning`` finds in the sheet's XML.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree

import fastexcel
import polars as pl

from models.contracts import ROW_COLUMN
from models.documents.mapping import EVERY_SHEET, Format
from pipelines.sources.files.layout import footer_begins, one_table
from pipelines.sources.files.scanning import MAX_UNPACKED, Scan, read_part, scan_sheet
from pipelines.sources.files.table import SHEET_COLUMN, FileRefusedError, Table, folded, headers, no_ragged

MAX_RATIO = 100  # real sheets pack 5 to 30 to one
_RATIO_FROM = 16 * 1024**2  # small packages may be repetitive

_REL_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ENTITY = re.compile(rb"<!(DOCTYPE|ENTITY)")
_DATE_TEXT = re.compile(r"[:]|^\d{4}-\d")


def read_workbook(data: bytes, form: Format) -> Table:
    """Bytes of an XLSX file → Table. Raises FileRefusedError before anything big is inflated."""
    package = _package(data)
    sheets = _sheets(package)
    names, warnings = _chosen(sheets, form.sheet)
    _refuse_1904(package)
    read = {name: _read_sheet(package, data, name, sheets[name][0], form.header_row, warnings) for name in names}
    found = {name: _to_footer(frame, form.footer) for name, frame in read.items() if frame is not None}
    footer = sum(frame.height - found[name].height for name, frame in read.items() if frame is not None)
    if not found:
        raise FileRefusedError(f"sheet {names[0]!r} is empty")
    frame = _joined(found, warnings) if form.sheet == EVERY_SHEET else next(iter(found.values()))
    frame = frame.with_columns(pl.int_range(1, frame.height + 1, dtype=pl.Int64).alias(ROW_COLUMN))
    return Table(frame, no_ragged(), 0, "xlsx", {"sheet": ", ".join(found)}, tuple(warnings), footer)


def _read_sheet(
    package: zipfile.ZipFile, data: bytes, name: str, path: str, header_row: int, warnings: list[str]
) -> pl.DataFrame | None:
    """Rows behind the header, as text; None for a sheet without a single cell."""
    scan = scan_sheet(package, path)
    try:
        reader = fastexcel.read_excel(data)
        sheet = reader.load_sheet(name, header_row=None, skip_rows=0, dtypes="string", dtype_coercion="coerce")
    except fastexcel.FastExcelError as error:
        raise FileRefusedError(f"sheet {name!r} cannot be read: {error}; save it anew as .xlsx or CSV") from error
    cells = sheet.to_polars()
    if cells.is_empty():
        return None
    cells = _corrected(cells, scan, first_column=sheet.available_columns()[0].absolute_index)
    if header_row > cells.height:
        raise FileRefusedError(f"header_row is {header_row}, and sheet {name!r} has {cells.height} rows")
    one_table(cells, header_row, name)
    if scan.merges:
        warnings.append(f"{len(scan.merges)} merged cell(s): every row got the value of the first")
    return _body(cells, header_row)


def _to_footer(frame: pl.DataFrame, words: Sequence[str]) -> pl.DataFrame:
    ends = footer_begins(frame.to_series(0), words).arg_true()
    return frame.head(int(ends[0])) if len(ends) else frame


def _joined(found: dict[str, pl.DataFrame], warnings: list[str]) -> pl.DataFrame:
    """Sheets of one layout as one table; the sheet's name is a column like any other."""
    first, *others = found
    columns = found[first].columns
    if SHEET_COLUMN in columns:
        raise FileRefusedError(f"sheet {first!r} has a column {SHEET_COLUMN}, which is to hold its name; rename it")
    layout = sorted(folded(column) for column in columns)
    for name in others:
        if sorted(folded(column) for column in found[name].columns) != layout:
            raise FileRefusedError(
                f"sheet {name!r} has other columns than sheet {first!r}: {', '.join(found[name].columns)}; import it "
                "by a mapping of its own, with format.sheet"
            )
    parts, begin = [], 1
    for name, frame in found.items():
        same = {folded(column): column for column in frame.columns}
        aligned = frame.select(pl.col(same[folded(column)]).alias(column) for column in columns)
        parts.append(aligned.with_columns(pl.lit(name).alias(SHEET_COLUMN)))
        warnings.append(f"rows {begin} to {begin + frame.height - 1} are those of sheet {name!r}")
        begin += frame.height
    return pl.concat(parts)


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


def _xml(package: zipfile.ZipFile, name: str) -> ElementTree.Element:
    content = read_part(package, name)
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


def _chosen(sheets: dict[str, tuple[str, bool]], wanted: str | None) -> tuple[list[str], list[str]]:
    """The sheets to read, and what to say about the others. A hidden sheet is read only when the mapping names it."""
    visible = [name for name, (_, seen) in sheets.items() if seen]
    if wanted is not None and wanted != EVERY_SHEET:
        if wanted not in sheets:
            raise FileRefusedError(f"no sheet {wanted!r}; the workbook has {', '.join(map(repr, sheets))}")
        return [wanted], []
    if not visible:
        raise FileRefusedError("the workbook has no visible sheet; state format.sheet in the mapping")
    chosen = visible if wanted == EVERY_SHEET else visible[:1]
    others = [name for name in sheets if name not in chosen]
    if not others:
        return chosen, []
    listed = ", ".join(repr(name) + ("" if sheets[name][1] else " (hidden)") for name in others)
    remedy = f'state format.sheet for another, "{EVERY_SHEET}" for all visible ones of one layout'
    return chosen, [f"read sheet {', '.join(map(repr, chosen))}; not read: {listed} ({remedy})"]


def _refuse_1904(package: zipfile.ZipFile) -> None:
    """Old Mac workbooks count days from 1904: a date that is written as a bare number would be four years off."""
    properties = _xml(package, "xl/workbook.xml").find("{*}workbookPr")
    if properties is not None and properties.get("date1904", "0").lower() in ("1", "true"):
        raise FileRefusedError(
            "the workbook counts its dates from 1904; switch that option off (File, Options, Advanced) or save as CSV"
        )


def _corrected(cells: pl.DataFrame, scan: Scan, *, first_column: int) -> pl.DataFrame:
    """The rendering of calamine with the scan's corrections; dates stay as rendered, merged cells are filled down."""
    touched: dict[int, dict[int, str]] = {}
    for (row, column), text in scan.overrides.items():
        touched.setdefault(column - first_column, {})[row] = text
    by_column: dict[int, list[tuple[int, int]]] = {}
    for first, last, column in scan.merges:
        by_column.setdefault(column - first_column, []).append((first, last))
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
    return body
