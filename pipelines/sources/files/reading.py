"""Any file → Table. What a file is, its first bytes say; its name is only checked against them."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from models.documents.mapping import Format
from pipelines.sources.files.delimited import decoded, read_delimited
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
        table = _READERS[kind](source.data, form or Format())
    except FileRefusedError as error:
        raise FileRefusedError(f"{source.name}: {error}") from error
    ending = Path(source.name).suffix.lower()
    if ending and ending not in _ENDINGS[kind] and any(ending in endings for endings in _ENDINGS.values()):
        note = f"the name ends in {ending}, the content is {kind}: read as {kind}"
        table = replace(table, warnings=(note, *table.warnings))
    return table


__all__ = ["FileRefusedError", "Source", "Table", "decoded", "kind_of", "load_source", "read_table"]
