"""Records of an API as typed frames: untouched bytes in, columns of a contract out, what does not fit set apart.

A page's body is cut into its records without reading them (``msgspec.Raw``); those bytes become ``_raw``. All records
of a batch are then read at once by polars with a schema whose leaves are text, and each column of the contract is
parsed from its text by one of the readers below: vectorised, and nothing is guessed.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import msgspec
import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, Contract
from pipelines import quarantine
from pipelines.sources.connector import FormatChangedError

Parse = Callable[[pl.Expr], pl.Expr]
Schema = Mapping[str, pl.DataType]
FEWEST_TO_JUDGE = 5  # one odd record of a quiet hour is a bad record, not a new format
_SAMPLED = 200


@dataclass(frozen=True)
class Reader:
    """How a text is read, and what is said of one that cannot be."""

    parse: Parse
    expected: str


@dataclass(frozen=True)
class Field:
    """One column of a contract, where it stands in the record (a name, or an expression of text), how it is read."""

    column: str
    source: str | pl.Expr
    reader: Reader

    @property
    def text(self) -> pl.Expr:
        return pl.col(self.source) if isinstance(self.source, str) else self.source


def _blank_as_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


TEXT = Reader(_blank_as_null, "text")
INTEGER = Reader(lambda text: text.cast(pl.Int64, strict=False), "a whole number")
BOOLEAN = Reader(
    lambda text: pl.when(text.is_in(["true", "1"])).then(True).when(text.is_in(["false", "0"])).then(False),
    "true or false",
)


def _scaled(digits: int) -> Parse:
    """Decimal text to a whole number of units of 10^-digits; more digits than that, if not zeros, are refused."""

    pattern = rf"^[+-]?[0-9]{{1,15}}(?:\.[0-9]{{0,{digits}}}0*)?$"

    def parse(text: pl.Expr) -> pl.Expr:
        exact = text.cast(pl.Decimal(20, digits), strict=False) * 10**digits
        return pl.when(text.str.contains(pattern)).then(exact.cast(pl.Int64, strict=False))

    return parse


#: Yuan (dollars, …) with at most two decimals, as minor units. Of money in fen, ``INTEGER`` is the reader.
MAJOR = Reader(_scaled(2), "an amount with at most two decimals")
#: Numbers with up to three and six decimals, for quantities and prices.
QUANTITY = Reader(lambda text: text.cast(pl.Decimal(18, 3), strict=False), "a number")
PRICE = Reader(lambda text: text.cast(pl.Decimal(18, 6), strict=False), "a number")


def civil(zone: str) -> Reader:
    """``2026-06-30 23:59:59`` as shown on a clock of the zone, to naive UTC."""

    def parse(text: pl.Expr) -> pl.Expr:
        local = text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
        there = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return there.dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    return Reader(parse, "a time such as 2026-06-30 23:59:59")


def epoch(unit: str) -> Reader:
    """Seconds (``s``) or milliseconds (``ms``) since 1970. 0 is what vendors give for unknown: null."""
    most = 4_102_444_800 * (1000 if unit == "ms" else 1)  # the year 2100

    def parse(text: pl.Expr) -> pl.Expr:
        number = text.cast(pl.Int64, strict=False)
        known = pl.when(number.is_between(1, most)).then(number)
        return pl.from_epoch(known, time_unit="ms" if unit == "ms" else "s").cast(pl.Datetime("us"))

    return Reader(parse, "a time in seconds" if unit == "s" else "a time in milliseconds")


def cut(body: bytes, path: Sequence[str]) -> list[bytes]:
    """The records of a JSON body under a path of names, each as its untouched bytes; an absent path has none.

    Raises ValueError (msgspec's) when the body is no whole JSON, or the path does not end in a list.
    """
    inner: bytes | msgspec.Raw = body
    for name in path:
        found = msgspec.json.decode(inner, type=dict[str, msgspec.Raw]).get(name)
        if found is None:
            return []
        inner = found
    return [bytes(record) for record in msgspec.json.decode(inner, type=list[msgspec.Raw])]


Elements = list[msgspec.Raw]


def inner(raws: pl.Series, path: Sequence[str]) -> list[Elements | None]:
    """Of each record (JSON text), the elements of a list under a path of names; None where there is no such list.

    Cut out and decoded as records of their own: polars reads flat records ten times faster than lists in lists.
    """
    one, many = _list_under(tuple(path))
    try:
        joined: bytes = raws.str.join(",").cast(pl.Binary).item() or b""
        found = many.decode(b"[" + joined + b"]")
    except msgspec.ValidationError:  # one of them is of another form
        found = [_or_none(one, raw) for raw in raws]
    for name in path:
        found = [None if value is None else getattr(value, name) for value in found]
    return list(found)


def _or_none(decoder: msgspec.json.Decoder, raw: str) -> object:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        return None


@cache
def _list_under(path: tuple[str, ...]) -> tuple[msgspec.json.Decoder, msgspec.json.Decoder]:
    """Decoders of a record and of a list of them that look at nothing but the path."""
    kind: type = Elements
    for name in reversed(path):
        kind = msgspec.defstruct(f"With_{name}", [(name, kind | None, None)], gc=False)
    return msgspec.json.Decoder(kind), msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]


def names(records: Iterable[bytes]) -> frozenset[str]:
    """Top-level names that occur in the first records."""
    found: set[str] = set()
    for record in islice(records, _SAMPLED):
        if record.lstrip().startswith(b"{"):
            found |= msgspec.json.decode(record, type=dict[str, msgspec.Raw]).keys()
    return frozenset(found)


def decode(records: Sequence[bytes | msgspec.Raw], schema: Schema, *, raws: bool = True) -> pl.DataFrame:
    """One row per record: the schema's columns, ``_row`` (from 1) and ``_raw`` (null without ``raws``).

    A record whose lists and objects stand otherwise than the schema says, or that is no object, has null in every
    column: the required ones set it apart.
    """
    numbered = pl.DataFrame(
        {
            ROW_COLUMN: range(1, len(records) + 1),
            RAW_COLUMN: [bytes(record).decode() for record in records] if raws else [None] * len(records),
        },
        schema={ROW_COLUMN: pl.Int64, RAW_COLUMN: pl.String},
    )
    return pl.concat([_read(records, schema), numbered], how="horizontal")


def _read(records: Sequence[bytes | msgspec.Raw], schema: Schema) -> pl.DataFrame:
    if not records:
        return pl.DataFrame(schema=schema)
    try:
        found = pl.read_ndjson(io.BytesIO(_lines(records)), schema=schema)
        if found.height == len(records):
            return found
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        pass  # one of them is of another form: halve until it stands alone
    if len(records) == 1:
        return pl.DataFrame({name: [None] for name in schema}, schema=schema)
    middle = len(records) // 2
    return pl.concat([_read(records[:middle], schema), _read(records[middle:], schema)])


def _lines(records: Sequence[bytes | msgspec.Raw]) -> bytes:
    """A record a line. JSON has no line end inside a text, so that one outside of it can go."""
    joined = b"\n".join(records)
    if joined.count(b"\n") == len(records) - 1 and b"\r" not in joined:
        return joined
    return b"\n".join(bytes(record).replace(b"\n", b" ").replace(b"\r", b" ") for record in records)


def table(
    frame: pl.DataFrame, contract: Contract, fields: Sequence[Field], *, file: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows that satisfy the contract, reject records of the others) of a decoded frame.

    Columns of the frame that the contract has and no field names (``shop_id``, ``_row``, ``_raw``) are taken as they
    are; those that nobody names are null.
    Raises FormatChangedError when more than half of at least FEWEST_TO_JUDGE rows are refused.
    """
    named = {field.column for field in fields}
    parsed = frame.with_columns(field.text.alias(_said(field.column)) for field in fields).select(
        *(name for name in frame.columns if name in contract.dtypes and name not in named),
        *(_read_as(field, contract) for field in fields),
        *(
            pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in contract.dtypes.items()
            if name not in named and name not in frame.columns
        ),
        *(_said(field.column) for field in fields),
        ROW_COLUMN,
        RAW_COLUMN,
    )
    unread = parsed.select(_is_unread(field).alias(field.column) for field in fields)
    found = [
        quarantine.rejects(
            parsed.filter(unread[field.column]),
            file=file,
            column=field.column,
            rule=f"{field.column} must be {field.reader.expected}",
            value=pl.col(_said(field.column)),
            personal=contract.by_name[field.column].personal,
        )
        for field in fields
        if unread[field.column].any()
    ]
    read = parsed.drop(_said(field.column) for field in fields)
    if found:
        read = read.filter(~unread.select(pl.any_horizontal(pl.all())).to_series())
    good, broken = quarantine.split(read, contract, file=file)
    rejects = pl.concat([*found, broken])
    _judge(frame, rejects, contract, file)
    return good, rejects


def _read_as(field: Field, contract: Contract) -> pl.Expr:
    return field.reader.parse(pl.col(_said(field.column))).cast(contract.dtypes[field.column]).alias(field.column)


def _is_unread(field: Field) -> pl.Expr:
    """There is a text, and it could not be read. Vendors write 0 where a time is unknown; that is not a fault."""
    text = pl.col(_said(field.column))
    there = (text != "") & (text != "0") if field.reader.expected.startswith("a time") else text != ""
    return (pl.col(field.column).is_null() & there).fill_null(False)


def fields_of(
    contract: Contract, readers: Mapping[str, Reader], renamed: Mapping[str, str], without: Sequence[str]
) -> tuple[Field, ...]:
    """One per column of the contract: of its own name in the record unless renamed, read by its kind, else as text."""
    return tuple(
        Field(column.name, renamed.get(column.name, column.name), readers.get(column.kind, TEXT))
        for column in contract.columns
        if column.name not in without
    )


def refused(frame: pl.DataFrame, *, file: str, column: str, rule: str) -> pl.DataFrame:
    """Reject records of whole records that break a rule no single cell tells."""
    return quarantine.rejects(
        frame, file=file, column=column, rule=rule, value=pl.lit(None, dtype=pl.String), personal=False
    )


def _said(column: str) -> str:
    return f"said {column}"


def _judge(frame: pl.DataFrame, rejects: pl.DataFrame, contract: Contract, file: str) -> None:
    rows = rejects["row"].n_unique()
    if frame.height >= FEWEST_TO_JUDGE and rows * 2 > frame.height:
        columns = rejects.group_by("column", "rule").len().sort("len", "column", descending=[True, False])
        rule = columns["rule"][0]
        raise FormatChangedError(
            f"{file}: {rows} of {frame.height} records do not fit {contract.dataset} any more (first of all: {rule}); "
            "the system changed its format, nothing of this answer was landed. Compare a record with docs/datasets.md"
        )


def unknown_values(frame: pl.DataFrame, contract: Contract) -> dict[str, list[str]]:
    """Values of open lists that are not among the known ones, by column."""
    found = {
        column.name: frame[column.name].drop_nulls().unique().sort().to_list()
        for column in contract.columns
        if column.known and column.name in frame.columns
    }
    new = {name: [v for v in values if v not in contract.by_name[name].known] for name, values in found.items()}
    return {name: values for name, values in new.items() if values}
