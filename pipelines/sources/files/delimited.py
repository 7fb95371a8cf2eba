"""CSV and TSV: bytes → text → records, with nothing lost: every record is counted before it is parsed.

A record with another number of cells than the header is set apart; a quote that does not close, a NUL and an
encoding that cannot be told reject the file. Line ends (CRLF, CR, mixed) become LF, inside quoted cells too.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from models.contracts import ROW_COLUMN
from models.documents.mapping import Format
from pipelines.sources.files.table import EXTRA_PREFIX, FileRefusedError, Table, headers, no_ragged

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DELIMITERS = (",", "\t", ";", "|")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
# A lone high byte between ASCII letters: how Latin-1 and Windows-1252 look, hardly ever GB18030.
_LONE_HIGH = re.compile(rb"(?<=[A-Za-z])[\x80-\xff](?=[A-Za-z .,;\t\r\n])")
_SNIFFED_LINES = 50
_BATCH_RECORDS = 50_000
_PIECE = 1 << 18  # bytes looked at together: what numpy makes of them stays in the processor's cache
_LF, _SPACE, _QUOTE = 0x0A, 0x20, 0x22


def decoded(data: bytes, encoding: str | None) -> tuple[bytes, str]:
    """UTF-8 bytes with LF line ends, and the encoding that was found. Raises FileRefusedError with the reason."""
    bom, found = next(((bom, name) for bom, name in _BOMS if data.startswith(bom)), (b"", None))
    name = found or encoding
    if name is not None and name != "utf-8":
        try:
            data = data[len(bom) :].decode(name).removeprefix("\ufeff").encode()
        except UnicodeError as error:
            raise FileRefusedError(
                f"the file is not {name}: {error}; correct format.encoding in the mapping"
            ) from error
    else:
        data, name = _utf8_or_gb18030(data[len(bom) :], certain=name is not None)
    if (at := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise FileRefusedError(
            f"line {line} holds a NUL byte: the file is damaged, or UTF-16 without a byte order mark "
            "(then state format.encoding: utf-16-le)"
        )
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data, name


def _utf8_or_gb18030(data: bytes, *, certain: bool) -> tuple[bytes, str]:
    if _is_utf8(data):
        return data, "utf-8"
    try:
        data.decode()
        return data, "utf-8"
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = data.decode(errors="replace")
        wrong = text.count("\ufffd")
        right = sum(len(run) for run in re.findall(r"[^\x00-\x7f\ufffd]+", text))
        if certain or right > wrong:  # damaged UTF-8 would decode as GB18030 into other characters, silently
            raise FileRefusedError(
                f"line {line} is not valid UTF-8; repair that line or state format.encoding"
            ) from error
    remedy = "state format.encoding in the mapping, or save the file as UTF-8"
    try:
        converted = data.decode("gb18030").encode()
    except UnicodeError as error:
        raise FileRefusedError(f"neither UTF-8 nor GB18030 (first strange byte in line {line}); {remedy}") from error
    if len(_LONE_HIGH.findall(data)) * 2 > len(_HIGH_RUN.findall(data)):
        raise FileRefusedError(f"line {line}: looks like a Western encoding, not GB18030; {remedy}, e.g. cp1252")
    return converted, "gb18030"


def _is_utf8(data: bytes) -> bool:
    """As ``bytes.decode`` says, without making the text: a tenth of its time and none of its memory."""
    offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


@dataclass(frozen=True)
class _Structure:
    """Where records begin and end in the data, and how many cells each has."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]  # of the record, its line end excluded
    cells: NDArray[np.int64]
    quoted: bool
    plain: bool  # no cell holds a character that JSON escapes


def sniff_delimiter(data: bytes, header_row: int = 1) -> str:
    """The delimiter that splits the header into most cells and the lines after it into as many."""
    lines = data[: 1 << 20].decode(errors="ignore").splitlines()[header_row - 1 :][:_SNIFFED_LINES]
    best, score = ",", 0
    for delimiter in _DELIMITERS:
        rows = list(csv.reader(lines, delimiter=delimiter))
        width = len(rows[0]) if rows else 0
        agreeing = sum(len(row) == width for row in rows)
        if width > 1 and width * agreeing > score:
            best, score = delimiter, width * agreeing
    return best


def read_delimited(data: bytes, form: Format) -> Table:
    """Bytes of a CSV or TSV file → Table. Raises FileRefusedError."""
    data, encoding = decoded(data, form.encoding)
    if not data or data.isspace():
        raise FileRefusedError("the file is empty")
    delimiter = form.delimiter or sniff_delimiter(data, form.header_row)
    found = _structure(data, delimiter)
    details = {"encoding": encoding, "delimiter": {"\t": "tab"}.get(delimiter, delimiter)}
    if found is None:  # a quote inside an unquoted cell: read record by record
        return _read_slowly(data, delimiter, form.header_row, details)
    if form.header_row > len(found.starts):
        raise FileRefusedError(f"header_row is {form.header_row}, and the file has {len(found.starts)} rows")
    first = form.header_row - 1
    names = headers(_cells(data, found, first, delimiter))
    body = slice(form.header_row, None)
    starts, ends, cells = found.starts[body], found.ends[body], found.cells[body]
    blank = _blank(data, starts, ends, cells)
    good = (cells == len(names)) & ~blank
    if good.all() and len(good):  # no copy of the body
        skipped = data.count(b"\n", 0, int(starts[0]))
        frame = _parsed(data, names, delimiter, quoted=found.quoted, skip_lines=skipped)
    else:
        frame = _parsed(_kept(data, starts, ends, good), names, delimiter, quoted=found.quoted)
    if frame.height != int(good.sum()):
        raise FileRefusedError(f"{int(good.sum())} records were counted and {frame.height} parsed; save the file anew")
    frame = frame.with_columns(pl.Series(ROW_COLUMN, np.flatnonzero(good) + 1, dtype=pl.Int64))
    odd = np.flatnonzero(~good & ~blank)
    ragged = _ragged(((int(i) + 1, _cells(data, found, int(i) + form.header_row, delimiter)) for i in odd), names)
    return Table(frame, ragged, int(blank.sum()), "csv", details, plain=found.plain)


def _structure(data: bytes, delimiter: str) -> _Structure | None:
    """Records by quote parity; None when a quote stands where RFC 4180 has none. Refuses a quote that is left open.

    Exact when every opening quote follows a delimiter or line end and every closing one precedes one: then a
    byte is inside a quoted cell if and only if the quotes before it are odd in number.
    """
    octets = np.frombuffer(data, dtype=np.uint8)
    separator = ord(delimiter)
    quotes = _quotes(octets) if b'"' in data else np.empty(0, dtype=np.int64)
    if len(quotes) and not _regular(octets, quotes, separator):
        return None
    ends, counts, swallowed = [], [], []
    cells_before = controls = 0
    for at in range(0, len(octets), _PIECE):
        piece = octets[at : at + _PIECE]
        flags = piece == _LF
        flags |= piece == separator
        places = np.flatnonzero(flags)
        if len(quotes):
            first, last = np.searchsorted(quotes, (at, at + len(piece)))
            inside = _inside(places, quotes[first:last] - at) ^ bool(first % 2)
            swallowed.append(places[inside & (piece[places] == _LF)] + at)
            places = places[~inside]
        line_ends = np.flatnonzero(piece[places] == _LF)
        ends.append(places[line_ends] + at)
        counts.append(line_ends + cells_before)
        cells_before += len(places)
        controls += int(np.count_nonzero(piece < _SPACE)) - len(line_ends if separator >= _SPACE else places)
    if swallowed:
        _refuse_swallowed_lines(data, np.concatenate(swallowed), quotes, separator)
    starts, ends_, cells = _records(np.concatenate(ends), np.concatenate(counts), cells_before, len(data))
    quoted = bool(len(quotes))
    plain = not controls and b"\\" not in data and not (quoted and b'""' in data)
    return _Structure(starts, ends_, cells, quoted, plain)


def _records(
    ends: NDArray[np.int64], counts: NDArray[np.int64], places: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Starts, ends and cells, from the line ends and what stands before each of them: delimiters and line ends.

    ``places``: how many of these there are at all; ``size``: of the data.
    """
    cells = np.diff(counts, prepend=-1)
    if not len(ends) or ends[-1] != size - 1:  # the last record has no line end
        cells = np.append(cells, places - (counts[-1] + 1 if len(counts) else 0) + 1)
        ends = np.append(ends, size)
    starts = np.concatenate(([0], ends[:-1] + 1))
    return starts, ends, cells


def _quotes(octets: NDArray[np.uint8]) -> NDArray[np.int64]:
    pieces = range(0, len(octets), _PIECE)
    return np.concatenate([np.flatnonzero(octets[at : at + _PIECE] == _QUOTE) + at for at in pieces])


def _regular(octets: NDArray[np.uint8], quotes: NDArray[np.int64], separator: int) -> bool:
    if len(quotes) % 2:
        return False
    edges = np.array([separator, _LF, _QUOTE], dtype=np.uint8)
    opening, closing = quotes[0::2], quotes[1::2]
    before = octets[np.maximum(opening - 1, 0)]
    after = octets[np.minimum(closing + 1, len(octets) - 1)]
    return bool(
        np.all(np.isin(before, edges) | (opening == 0)) and np.all(np.isin(after, edges) | (closing == len(octets) - 1))
    )


def _inside(places: NDArray[np.int64], quotes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which places have an odd number of quotes before them."""
    steps = np.bincount(np.searchsorted(places, quotes), minlength=len(places) + 1)[: len(places)]
    odd: NDArray[np.bool_] = np.bitwise_xor.accumulate((steps & 1).astype(np.uint8)).view(bool)
    return odd


def _refuse_swallowed_lines(data: bytes, breaks: NDArray[np.int64], quotes: NDArray[np.int64], separator: int) -> None:
    """A line wholly inside a quoted cell with as many delimiters as the header: a quote was left open before it.

    ``breaks`` are the line ends inside quoted cells.
    """
    width = data[: data.find(b"\n")].count(separator)
    if len(breaks) < 2 or width < 2:
        return
    same_cell = np.diff(np.searchsorted(quotes, breaks)) == 0
    for index in np.flatnonzero(same_cell).tolist():
        begin, end = int(breaks[index]), int(breaks[index + 1])
        if data.count(separator, begin, end) == width:
            line = data.count(b"\n", 0, begin) + 1
            raise FileRefusedError(f"line {line}: a quote is opened there or before and never closed; repair the file")


def _blank(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], cells: NDArray[np.int64]
) -> NDArray[np.bool_]:
    blank: NDArray[np.bool_] = starts == ends
    few = np.flatnonzero((cells == 1) & ~blank & (ends - starts < 64))  # white space only
    for index in few:
        blank[index] = not data[starts[index] : ends[index]].strip()
    return blank


def _kept(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], good: NDArray[np.bool_]) -> bytes:
    """The good records, in runs."""
    if not good.any():
        return b""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(np.int8)))
    runs = [data[starts[a] : ends[b - 1]] for a, b in zip(edges[0::2], edges[1::2], strict=True)]
    return b"\n".join(runs)


def _parsed(body: bytes, names: Sequence[str], delimiter: str, *, quoted: bool, skip_lines: int = 0) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.String)
    if not body:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(
        io.BytesIO(body),
        has_header=False,
        skip_lines=skip_lines,
        separator=delimiter,
        quote_char='"' if quoted else None,
        schema=schema,
        infer_schema=False,
        null_values=[],
        low_memory=False,
    )


def _cells(data: bytes, found: _Structure, index: int, delimiter: str) -> list[str]:
    text = data[found.starts[index] : found.ends[index]].decode()
    return next(csv.reader(io.StringIO(text), delimiter=delimiter), [])


def _ragged(records: Iterator[tuple[int, list[str]]], names: Sequence[str]) -> pl.DataFrame:
    """Records whose cells do not match the header; cells beyond it get names of their own."""
    rows = []
    for row, cells in records:
        extra = [f"{EXTRA_PREFIX}{n}" for n in range(1, len(cells) - len(names) + 1)]
        content = dict(zip([*names[: len(cells)], *extra], cells, strict=True))
        rows.append((row, json.dumps(content, ensure_ascii=False, separators=(",", ":")), len(cells)))
    return pl.DataFrame(rows, schema=no_ragged().schema, orient="row")


def _read_slowly(data: bytes, delimiter: str, header_row: int, details: dict[str, str]) -> Table:
    """With the csv module, whose strict mode names the line of a quote that does not close."""
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter, strict=True)
    frames, odd, batch, numbers = [], [], [], []
    names: list[str] = []
    blank = line = row = 0
    try:
        for position, cells in enumerate(reader, start=1):
            line = reader.line_num
            if position == header_row:
                names = headers(cells)
            row = position - header_row
            if row <= 0:
                continue
            if not any(cell.strip() for cell in cells) and len(cells) <= 1:
                blank += 1
            elif len(cells) != len(names):
                odd.append((row, cells))
            else:
                batch.append(cells)
                numbers.append(row)
            if len(batch) >= _BATCH_RECORDS:
                frames.append(_batch(batch, names))
                batch = []
    except csv.Error as error:
        raise FileRefusedError(f"line {line + 1}: {_csv_problem(error)}; repair the file") from error
    if not names:
        raise FileRefusedError(f"header_row is {header_row}, and the file has fewer rows")
    frames.append(_batch(batch, names))
    frame = pl.concat(frames).with_columns(pl.Series(ROW_COLUMN, numbers, dtype=pl.Int64))
    return Table(frame, _ragged(iter(odd), names), blank, "csv", details)


def _batch(rows: list[list[str]], names: Sequence[str]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    series = [pl.Series(name, list(cells), dtype=pl.String) for name, cells in zip(names, columns, strict=True)]
    return pl.DataFrame(series)


def _csv_problem(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return "a quote is opened there and never closed"
    if "expected after" in str(error):
        return "text follows a closing quote (a quote inside a quoted cell is written twice)"
    return str(error)
