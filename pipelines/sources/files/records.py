"""Parquet and JSONL → text, exactly: no number passes through a float on its way to an id or an amount."""

import io
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from models.contracts import RAW_COLUMN, ROW_COLUMN
from models.documents.mapping import Format
from pipelines.sources.files.delimited import decoded
from pipelines.sources.files.table import EXTRA_PREFIX, MAX_BYTES, FileRefusedError, Table, headers, no_ragged

MAX_ROWS = 100_000_000
_WHOLE_FLOAT = 2**53  # above it a float has lost digits


def read_parquet(data: bytes, form: Format) -> Table:
    """Bytes of a Parquet file → Table. Raises FileRefusedError when it is damaged or unpacks to too much."""
    if form.header_row != 1 or form.sheet is not None:
        raise FileRefusedError("a Parquet file has no header_row and no sheet; delete them from the mapping's format")
    try:
        metadata = pq.ParquetFile(io.BytesIO(data)).metadata
        size = sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))
        if size > MAX_BYTES or metadata.num_rows > MAX_ROWS:
            raise FileRefusedError(
                f"unpacks to {size:,} bytes in {metadata.num_rows:,} rows; split it into several files"
            )
        frame = pl.read_parquet(io.BytesIO(data))
    except (pa.ArrowInvalid, OSError, pl.exceptions.ComputeError) as error:
        raise FileRefusedError(f"a damaged Parquet file: {error}") from error
    text = pl.DataFrame([_as_text(frame[name]) for name in frame.columns])
    text.columns = headers(frame.columns)
    return Table(_numbered(text), no_ragged(), 0, "parquet", {})


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.int_range(1, frame.height + 1, dtype=pl.Int64).alias(ROW_COLUMN))


def _as_text(values: pl.Series) -> pl.Series:
    kind = values.dtype
    if isinstance(kind, pl.Datetime):
        zone = kind.time_zone
        pattern = "%Y-%m-%d %H:%M:%S%.f" + ("Z" if zone else "")
        return (values.dt.convert_time_zone("UTC") if zone else values).dt.to_string(pattern)
    if kind.is_float():
        return _float_text(values)
    if kind.is_nested():
        return values.to_frame().select(pl.struct(values.name).struct.json_encode()).to_series()
    if kind == pl.Binary:
        return values.bin.encode("hex")
    return values.cast(pl.String)


def _float_text(values: pl.Series) -> pl.Series:
    """The shortest text that gives the same float, without ``.0`` and exponent; each distinct value once.

    A float beyond 2^53 keeps its exponent, because its digits are not those that were meant.
    """
    distinct = values.unique().drop_nulls()
    text = [
        f"{number:.15e}" if abs(number) > _WHOLE_FLOAT else f"{Decimal(repr(number)):f}".removesuffix(".0")
        for number in distinct.cast(pl.Float64).to_list()
    ]
    return values.replace_strict(distinct, pl.Series(text, dtype=pl.String), default=None, return_dtype=pl.String)


def read_json_lines(data: bytes, form: Format) -> Table:
    """One JSON object a line → Table. A line that is none is set apart. Raises FileRefusedError when none is.

    Line by line in Python, because only its parser can hand over numbers as they are written.
    """
    data, encoding = decoded(data, form.encoding)
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    odd: list[tuple[int, str, None]] = []
    blank = 0
    for number, line in enumerate(data.split(b"\n")[: -1 if data.endswith(b"\n") else None], start=1):
        if not line.strip():
            blank += 1
            continue
        record = _record(line)
        if record is None:
            odd.append(
                (
                    number,
                    json.dumps({f"{EXTRA_PREFIX}1": line.decode()}, ensure_ascii=False, separators=(",", ":")),
                    None,
                )
            )
        else:
            records.append(record)
            numbers.append(number)
    if not records:
        raise FileRefusedError("no line is a JSON object" if odd else "the file is empty")
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = [pl.Series(name, _json_cells(name, records), dtype=pl.String) for name in names]
    frame = pl.DataFrame(columns)
    frame.columns = headers(names)
    ragged = pl.DataFrame(odd, schema={ROW_COLUMN: pl.Int64, RAW_COLUMN: pl.String, "found": pl.Int64}, orient="row")
    frame = frame.with_columns(pl.Series(ROW_COLUMN, numbers, dtype=pl.Int64))
    return Table(frame, ragged, blank, "jsonl", {"encoding": encoding})


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and record else None


def _json_cells(name: str, records: Iterable[dict[str, Any]]) -> list[str | None]:
    return [_json_text(record.get(name)) for record in records]


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
