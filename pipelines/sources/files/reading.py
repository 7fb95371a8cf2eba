"""Any file → Table. What a file is, its first bytes say; its name is only checked against them."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN
from models.documents.mapping import Format
from pipelines.sources.files.delimited import decoded, read_delimited
from pipelines.sources.files.layout import footer_begins
from pipelines.sources.files.records import read_json_lines, read_parquet
from pipelines.sources.files.sheets import read_workbook
from pipelines.sources.files.table import MAX_BYTES, FileRefusedError, Table

_ZIP, _PARQUET, _COMPOUND, _GZIP, _PDF = (
    b"PK\x03\x04",
    b"PAR1",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"\x1f\x8b",
    b"%PDF",
)
_READERS = {"csv": read_delimited, "xlsx": read_workbook, "parquet": read_parquet, "jsonl": read_json_lines}
#: Usual name endings of each kind of content.
_ENDINGS = {
    "csv": (".csv", ".tsv", ".txt", ".tab"),
    "xlsx": (".xlsx", ".xlsm"),
    "parquet": (".parquet", ".pq"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
}
#: In the JSON of a record that does not fit the header.
_FIRST_CELL = r'^\{"(?:[^"\\]|\\.)*":"((?:[^"\\]|\\.)*)"'


@dataclass(frozen=True)
class Source:
    """The bytes of a file, the last part of its name, and their sha256."""

    name: str
    data: bytes
    sha256: str


def load_source(path: Path) -> Source:
    """Read the bytes. Raises FileRefusedError when there is no such file, or it is too big to be held."""
    if not path.is_file():
        raise FileRefusedError(f"{path.name}: no such file")
    if path.stat().st_size > MAX_BYTES:
        raise FileRefusedError(f"{path.name}: larger than {MAX_BYTES // 1024**3} GB; split it into several files")
    data = path.read_bytes()
    return Source(path.name, data, hashlib.sha256(data).hexdigest())


def kind_of(data: bytes) -> str:
    """csv, xlsx, parquet or jsonl, by content. Raises FileRefusedError for what is none of them."""
    if not data:
        raise FileRefusedError("the file is empty")
    if data.startswith(_ZIP):
        return "xlsx"
    if data.startswith(_PARQUET):
        return "parquet"
    if data.startswith(_COMPOUND):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise FileRefusedError("the workbook is protected by a password; remove the password and save it anew")
        raise FileRefusedError("an old binary workbook (.xls) or another Office file; save it as .xlsx or CSV")
    if data.startswith(_GZIP):
        raise FileRefusedError("a compressed file (gzip); unpack it first")
    if data.startswith(_PDF):
        raise FileRefusedError("a PDF; ask for the table as .xlsx or CSV")
    return "jsonl" if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"


def read_table(source: Source, form: Format | None = None) -> Table:
    """Source → Table of text cells. Raises FileRefusedError naming the file, the reason and the remedy."""
    try:
        kind = kind_of(source.data)
        form = form or Format()
        table = _stripped(_without_footer(_READERS[kind](source.data, form), form.footer), form.strip)
    except FileRefusedError as error:
        raise FileRefusedError(f"{source.name}: {error}") from error
    ending = Path(source.name).suffix.lower()
    if ending and ending not in _ENDINGS[kind] and any(ending in endings for endings in _ENDINGS.values()):
        note = f"the name ends in {ending}, the content is {kind}: read as {kind}"
        table = replace(table, warnings=(note, *table.warnings))
    return table


def _without_footer(table: Table, words: tuple[str, ...]) -> Table:
    """The table up to the first row whose first cell begins with one of the words; the rest is counted as footer."""
    if not words or table.kind == "xlsx":  # each sheet has its own end
        return table
    first = table.frame.select(ROW_COLUMN, pl.col(table.header[0]).alias("cell"))
    odd = table.ragged.select(ROW_COLUMN, pl.col(RAW_COLUMN).str.extract(_FIRST_CELL).alias("cell"))
    found = pl.concat([first, odd])
    end = found.filter(footer_begins(found["cell"], words))[ROW_COLUMN].min()
    if end is None:
        return table
    inside = pl.col(ROW_COLUMN) < end
    frame, ragged = table.frame.filter(inside), table.ragged.filter(inside)
    behind = table.frame.height + table.ragged.height - frame.height - ragged.height
    return replace(table, frame=frame, ragged=ragged, footer=behind)


def _stripped(table: Table, characters: str | None) -> Table:
    """Without what a platform puts around every cell (a backtick, a tab) to keep spreadsheets from changing it."""
    if characters is None:
        return table
    cells = pl.col(table.header).str.strip_chars(characters)
    return replace(table, frame=table.frame.with_columns(cells))


__all__ = ["FileRefusedError", "Source", "Table", "decoded", "kind_of", "load_source", "read_table"]
