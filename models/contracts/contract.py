"""What a contract is: a dataset's columns declared once, and everything that is derived from them.

From one declaration come the pandera schema that validates a frame, the polars types of the Parquet file,
the parser of each text cell, the synonyms by which a header is recognised, and ``docs/datasets.md``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

if TYPE_CHECKING:
    import pandera.polars as pa

Kind = Literal[
    "id", "text", "phone", "integer", "quantity", "price", "rate", "amount", "timestamp", "date", "currency", "boolean"
]

#: Physical type of each kind. Amounts are integer minor units; timestamps are naive UTC, microseconds.
DTYPES: dict[str, pl.DataType] = {
    "id": pl.String(),
    "text": pl.String(),
    "phone": pl.String(),
    "integer": pl.Int64(),
    "quantity": pl.Decimal(18, 3),
    "price": pl.Decimal(18, 6),
    "rate": pl.Decimal(20, 10),
    "amount": pl.Int64(),
    "timestamp": pl.Datetime("us"),
    "date": pl.Date(),
    "currency": pl.String(),
    "boolean": pl.Boolean(),
}

#: Columns that the lake adds to every landed row.
RAW_COLUMN = "_raw"  # the untouched source record, JSON text
ROW_COLUMN = "_row"  # row number in the source, from 1
BATCH_COLUMN = "_batch"  # key of the batch; joins to ``lake_batches`` for its sequence number
SYSTEM_DTYPES: dict[str, pl.DataType] = {ROW_COLUMN: pl.Int64(), RAW_COLUMN: pl.String(), BATCH_COLUMN: pl.String()}


@dataclass(frozen=True)
class CellRule:
    """A check of one cell: the name of a pandera check, its arguments, and what a person is told.

    Pandera's own object is made when a frame is validated: importing it takes two seconds, and most commands validate
    nothing.
    """

    check: Literal["gt", "ge", "ne", "in_range", "isin", "str_matches", "str_length"]
    arguments: Mapping[str, Any]
    message: str

    def build(self) -> "pa.Check":
        import pandera.polars as pa

        built: pa.Check = getattr(pa.Check, self.check)(**self.arguments, error=self.message)
        return built


@dataclass(frozen=True)
class Column:
    """One column: its meaning in both languages, how it is read, and what it must satisfy.

    ``personal`` values are masked wherever a person who is not entitled could see them.
    ``synonyms`` are further header spellings (the name and both labels always count).
    ``known`` are the usual values of an open list: others are accepted with a warning, never refused.
    """

    name: str
    kind: Kind
    en: str
    zh: str
    required: bool = False
    personal: bool = False
    synonyms: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    checks: tuple[CellRule, ...] = ()

    @property
    def dtype(self) -> pl.DataType:
        return DTYPES[self.kind]


@dataclass(frozen=True)
class RowRule:
    """What the columns of one row must say together: of the rows for which ``when`` is true, ``holds`` is true too.

    Rows whose single cells hold are asked, rule by rule. ``column`` is the one that a person looks at first.
    """

    column: str
    message: str
    when: pl.Expr
    holds: pl.Expr


@dataclass(frozen=True)
class Contract:
    """A dataset: grain, key, the column that dates an event, and its columns.

    ``key`` identifies a record at the grain; ``replaced_by`` names the columns that are the unit of replacement:
    the newest batch that holds such values replaces all rows with them. ``either``: groups of columns of which a file
    must have at least one, the usual one first.
    """

    dataset: str
    en: str
    zh: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    event_time: str | None = None
    replaced_by: tuple[str, ...] = ()
    blank_in_key: tuple[str, ...] = ()
    door: str = "file"  # file, bill, store, run, or the system whose connector lands it
    rules: tuple[RowRule, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()

    def missing(self, given: Iterable[str]) -> tuple[str, ...]:
        """Columns that a file must have and that are not given; of a group of which none is, the usual one."""
        there = set(given)
        required = [column.name for column in self.columns if column.required and column.name not in there]
        return (*required, *(group[0] for group in self.either if there.isdisjoint(group)))

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def dtypes(self) -> dict[str, pl.DataType]:
        """Polars types of the business columns."""
        return {column.name: column.dtype for column in self.columns}

    @cached_property
    def file_dtypes(self) -> dict[str, pl.DataType]:
        """Polars types of a lake file: business columns, then the lake's own."""
        return {**self.dtypes, **SYSTEM_DTYPES}

    @cached_property
    def schema(self) -> "pa.DataFrameSchema":
        """Validates the cells of a collected frame; ``coerce`` is off, because every cell was parsed before."""
        import pandera.polars as pa

        return pa.DataFrameSchema(
            {
                column.name: pa.Column(
                    column.dtype, checks=[rule.build() for rule in column.checks], nullable=not column.required
                )
                for column in self.columns
            },
            name=self.dataset,
            strict=False,
        )

    def empty(self) -> pl.DataFrame:
        """Zero rows with the types of a lake file."""
        return pl.DataFrame(schema=self.file_dtypes)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with exactly the file's columns, in order; absent optional ones become null.

        Raises KeyError when a required column is missing.
        """
        missing = [c.name for c in self.columns if c.required and c.name not in frame.columns]
        if missing:
            raise KeyError(f"{self.dataset}: required column(s) missing: {', '.join(missing)}")
        return frame.select(
            pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in self.file_dtypes.items()
        )


def positive(column: str) -> CellRule:
    return CellRule("gt", {"min_value": 0}, f"{column} must be above zero")


def not_negative(column: str) -> CellRule:
    return CellRule("ge", {"min_value": 0}, f"{column} must not be negative")


def not_blank(column: str) -> CellRule:
    return CellRule("str_length", {"min_value": 1}, f"{column} must not be blank")


def one_of(column: str, *values: str) -> CellRule:
    return CellRule(
        "isin", {"allowed_values": list(values)}, f"{column} must be {', '.join(values[:-1])} or {values[-1]}"
    )
