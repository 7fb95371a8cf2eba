"""Bytes of a bill → its lines as text cells, its header and what stands around them. Nothing is read by position.

A bill comes plain, gzipped or in a zip (names and content in GBK), in UTF-8 with or without a mark, or in GB18030.
WeChat Pay puts a backtick before every cell, so that a comma inside a cell splits nothing; Alipay ends text with a tab.
"""

import csv
import gzip
import hashlib
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN
from pipelines.sources.bills.layouts import LAYOUTS, SUMMARIES, Layout, is_summary, layout_of
from pipelines.sources.files.delimited import decoded
from pipelines.sources.files.table import FileRefusedError, folded, headers, raw_json

MAX_UNPACKED = 1024**3  # a day of ten million payments; more belongs into several bills
MAX_MEMBERS = 200
_SEARCHED_LINES = 60  # the header stands within a few lines of text
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
# A control character, or its name in letters, that the channel put for what would break a line.
_ESCAPES = r"[\x00-\x08\x0b-\x1f]|\\[1rn]"
_AROUND = "` \t\u00a0\u3000\u200b\ufeff"
_CONTROLS = bytes({*range(0x20)} - {*b"\t\n"})
_IN_LETTERS = (b"\\1", b"\\r", b"\\n")
_EVERY_NAME = {folded(name) for layout in LAYOUTS for names in layout.columns.values() for name in names}
_EVERY_NAME |= {folded(name) for names in SUMMARIES for name in names}


class NoBillError(FileRefusedError):
    """The file has no header of a bill that is known."""


@dataclass(frozen=True)
class Member:
    """One file, unpacked: its name (for messages only) and its text in UTF-8 with LF line ends, without a mark."""

    name: str
    text: bytes
    encoding: str

    @property
    def sha256(self) -> str:
        """Of the text: the same bill zipped anew, renamed or saved in another encoding has the same."""
        return hashlib.sha256(self.text).hexdigest()


@dataclass(frozen=True)
class BillText:
    """A bill as text. ``rows``: one per line of the bill: columns of the layout by our names, ``extra`` (JSON of those
    that are not known), ``_row``, ``_raw``. ``ragged``: lines that do not fit (``_row``, ``_raw``, ``found``).

    ``before`` and ``after``: the lines around the table. ``totals``: closing figures by our names, as text;
    ``unknown_totals``: those that have none, by their titles.
    """

    member: Member
    layout: Layout
    header: tuple[str, ...]
    names: dict[str, str]
    rows: pl.DataFrame
    ragged: pl.DataFrame
    before: tuple[str, ...]
    after: tuple[str, ...]
    totals: dict[str, str]
    unknown_totals: dict[str, str]


def unpacked(name: str, data: bytes) -> list[Member]:
    """The files of a zip (in its order), of a gzip, or the file itself. Raises FileRefusedError with the reason."""
    if data.startswith(_ZIP):
        return [_member(inner, content) for inner, content in _zipped(name, data)]
    if data.startswith(_GZIP):
        return [_member(name.removesuffix(".gz"), _gunzipped(name, data))]
    return [_member(name, data)]


def _member(name: str, data: bytes) -> Member:
    try:
        text, encoding = decoded(data, None)
    except FileRefusedError as error:
        raise FileRefusedError(f"{name}: {error}") from error
    return Member(name, text, encoding)


def _zipped(name: str, data: bytes) -> list[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            files = [entry for entry in package.infolist() if not entry.is_dir()]
            if len(files) > MAX_MEMBERS or sum(entry.file_size for entry in files) > MAX_UNPACKED:
                raise FileRefusedError(f"{name}: unpacks to more than {MAX_UNPACKED // 1024**2} MB; unpack it yourself")
            found = []
            for entry in files:
                with package.open(entry) as stream:
                    content = stream.read(entry.file_size + 1)
                if len(content) > entry.file_size:
                    raise FileRefusedError(f"{name}: {_shown(entry)} is larger than it says; download it again")
                found.append((_shown(entry), content))
            return found
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError) as error:
        raise FileRefusedError(f"{name}: the archive is damaged or locked ({error}); download it again") from error


def _shown(entry: zipfile.ZipInfo) -> str:
    """The last part of a member's name; Alipay writes names in GBK without saying so."""
    name = entry.filename
    if not entry.flag_bits & 0x800:
        raw = name.encode("cp437", errors="ignore")
        try:
            name = raw.decode("gb18030")
        except UnicodeDecodeError:
            name = entry.filename
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def _gunzipped(name: str, data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            content = stream.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileRefusedError(f"{name}: the gzip is damaged ({error}); download it again") from error
    if len(content) > MAX_UNPACKED:
        raise FileRefusedError(f"{name}: unpacks to more than {MAX_UNPACKED // 1024**2} MB")
    return content


def read_bill(member: Member) -> BillText | None:
    """The bill of a file; None for a bill of sums only. Raises NoBillError naming what was found instead."""
    lines = member.text.split(b"\n")  # as bytes: text with Chinese in it takes three times as much
    place, layout, header = _header(member, lines)
    if layout is None:
        return None
    before = tuple(line.decode() for line in lines[:place])
    body, after = _parted(lines[place + 1 :], layout)
    del lines
    located = layout.located(header)
    escaped = _holds(member.text, _CONTROLS) or any(sign in member.text for sign in _IN_LETTERS)
    plain = not escaped and not _holds(member.text, b'"\\\t')
    rows, ragged = _rows(body, header, layout, plain=plain)
    totals, unknown = _titled(after, layout) if layout.closing == "titled" else ({}, {})
    unmapped = [name for name in header if name not in located.values()]
    cells = rows.select(
        *(_cleaned(name, theirs, escaped=escaped) for name, theirs in located.items()),
        ROW_COLUMN,
        RAW_COLUMN,
        _extra(unmapped),
    )
    return BillText(member, layout, header, located, cells, ragged, before, tuple(after), totals, unknown)


def _header(member: Member, lines: Sequence[bytes]) -> tuple[int, Layout | None, tuple[str, ...]]:
    nearest: tuple[str, ...] = ()
    for place, line in enumerate(lines[:_SEARCHED_LINES]):
        if not line.strip():
            continue
        cells = [cell.strip().strip("`").strip('"') for cell in line.decode().rstrip(",\t ").split(",")]
        if sum(folded(cell) in _EVERY_NAME for cell in cells) < 3:
            continue
        header = tuple(headers(cells))
        layout = layout_of(header)
        if layout is not None or is_summary(header):
            return place, layout, header
        nearest = max(nearest, header, key=len)
    if not nearest:
        raise NoBillError(
            f"{member.name}: no header of a payment channel's bill was found. Bills of WeChat Pay (trade, fund, split) "
            "and Alipay (trade, account) are known by their column names; for another table use `scrm import`"
        )
    raise NoBillError(
        f"{member.name}: the header is not that of a known bill. It is: {', '.join(nearest)}. Download the bill again "
        "with all its columns; if the channel has renamed one, report it"
    )


def _parted(lines: Sequence[bytes], layout: Layout) -> tuple[list[bytes], list[str]]:
    """(lines of the table, closing lines). A blank line belongs to neither."""
    filled = [line for line in lines if line.strip()]
    end = len(filled)
    if layout.closing == "hashed":
        end = next((number for number, line in enumerate(filled) if line.startswith(b"#")), end)
    else:
        for number in range(len(filled) - 2, -1, -1):
            titles, values = (_plain_cells(line.decode()) for line in filled[number : number + 2])
            if _are_titles(titles) and len(titles) == len(values) and all(_NUMBER.match(value) for value in values):
                end = number
                break
    return filled[:end], [line.decode() for line in filled[end:]]


_NUMBER = re.compile(r"^[+-]?[0-9]+(?:\.[0-9]+)?$")


def _plain_cells(line: str) -> list[str]:
    return [unicodedata.normalize("NFKC", cell).strip().strip("`").strip() for cell in line.strip().split(",")]


def _are_titles(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and all(cell and not any(sign.isdigit() for sign in cell) for cell in cells)


def _titled(after: Sequence[str], layout: Layout) -> tuple[dict[str, str], dict[str, str]]:
    if len(after) < 2:
        return {}, {}
    ours = {folded(name): key for key, names in (layout.totals or {}).items() for name in names}
    stated = dict(zip(_plain_cells(after[0]), _plain_cells(after[1]), strict=True))
    known = {ours[folded(name)]: value for name, value in stated.items() if folded(name) in ours}
    return known, {name: value for name, value in stated.items() if folded(name) not in ours}


def _rows(
    lines: list[bytes], header: tuple[str, ...], layout: Layout, *, plain: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(cells under the header with _row and _raw; lines that have another number of cells).

    Lines with as many commas as the header go through the CSV parser at once, the few others are looked at closely.
    """
    width = len(header)
    commas = pl.Series([line.count(b",") for line in lines], dtype=pl.Int64)
    quoted = pl.Series([b'"' in line for line in lines], dtype=pl.Boolean)
    is_odd = (commas != width - 1) | quoted
    places = is_odd.arg_true()
    odd = pl.DataFrame(
        {"line": [lines[place].decode() for place in places], ROW_COLUMN: places.cast(pl.Int64) + 1},
        schema={"line": pl.String, ROW_COLUMN: pl.Int64},
    )
    cells = _ticked(width) if layout.channel == "wechat_pay" else _quoted(odd["line"], width)
    split = odd.with_columns(cells.alias("cells"), pl.col("line").str.split(",").list.len().alias("found"))
    fits = pl.col("cells").is_not_null()
    ragged = split.filter(~fits).select(
        ROW_COLUMN, pl.struct(pl.col("line").alias("_extra_1")).struct.json_encode().alias(RAW_COLUMN), "found"
    )
    named = (
        split.filter(fits)
        .select(pl.col("cells").list.to_struct(fields=list(header)), ROW_COLUMN)
        .unnest("cells")
        .select(*(pl.col(name).cast(pl.String) for name in header), ROW_COLUMN)
    )
    whole = _at_once(lines, is_odd, header)
    if named.height:
        whole = pl.concat([whole, named]).sort(ROW_COLUMN)
    return whole.with_columns(raw_json(whole.select(header), plain=plain).alias(RAW_COLUMN)), ragged


def _at_once(lines: list[bytes], is_odd: pl.Series, header: tuple[str, ...]) -> pl.DataFrame:
    """The regular lines, parsed."""
    numbers = (~is_odd).arg_true().cast(pl.Int64) + 1
    if numbers.is_empty():
        return pl.DataFrame(schema={**dict.fromkeys(header, pl.String), ROW_COLUMN: pl.Int64})
    regular = lines if len(numbers) == len(lines) else [lines[number - 1] for number in numbers]
    frame = pl.read_csv(
        io.BytesIO(b"\n".join(regular)),
        has_header=False,
        quote_char=None,
        schema=dict.fromkeys(header, pl.String),
        null_values=[],
        empty_string_is_null=False,
    )
    return frame.with_columns(pl.all().str.strip_prefix("`"), numbers.alias(ROW_COLUMN))


def _ticked(width: int) -> pl.Expr:
    """Cells after backticks; where some backticks are missing (bills of 2024 and before), cells after commas."""
    line = pl.col("line").str.strip_chars()
    after_ticks = line.str.strip_prefix("`").str.split(",`")
    after_commas = line.str.split(",").list.eval(pl.element().str.strip_prefix("`"))
    return (
        pl.when(after_ticks.list.len() == width)
        .then(after_ticks)
        .when(after_commas.list.len() == width)
        .then(after_commas)
    )


def _quoted(lines: pl.Series, width: int) -> pl.Expr:
    """Cells after commas; lines with a quote, of which there are few, as the csv module reads them."""
    plain: pl.Expr = pl.when(~pl.col("line").str.contains('"', literal=True)).then(pl.col("line").str.split(","))
    places = lines.str.contains('"', literal=True).arg_true()
    if len(places):
        read = {line: next(csv.reader([line])) for line in lines.gather(places).unique().to_list()}
        texts = pl.Series(list(read), dtype=pl.String)
        cells = pl.Series(list(read.values()), dtype=pl.List(pl.String))
        plain = pl.coalesce(plain, pl.col("line").replace_strict(texts, cells, default=None, return_dtype=cells.dtype))
    # A line may end with one comma more
    trimmed = (
        pl.when((plain.list.len() == width + 1) & (plain.list.last().str.strip_chars() == ""))
        .then(plain.list.head(width))
        .otherwise(plain)
    )
    return pl.when(trimmed.list.len() == width).then(trimmed)


def _holds(text: bytes, signs: bytes) -> bool:
    """Whether any of the bytes is in the text; ten times as fast as a regular expression."""
    return len(text.translate(None, signs)) < len(text)


def _cleaned(name: str, theirs: str, *, escaped: bool) -> pl.Expr:
    """Without what a channel adds: backticks, tabs, blanks, escapes; nothing left is null."""
    text = pl.col(theirs).str.replace_all(_ESCAPES, " ") if escaped else pl.col(theirs)
    bare = text.str.strip_chars(_AROUND)
    return pl.when(bare != "").then(bare).alias(name)


def _extra(unmapped: Sequence[str]) -> pl.Expr:
    if not unmapped:
        return pl.lit(None, dtype=pl.String).alias("extra")
    return pl.struct(unmapped).struct.json_encode().alias("extra")
