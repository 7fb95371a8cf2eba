"""Text cells → the typed columns of a contract, column by column, by the kind that the contract declares."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, Column
from models.documents.mapping import ColumnSource, Destination
from models.identifiers import phones_e164
from pipelines.sources.files.cells import (
    Problem,
    Reading,
    blanked,
    cleaned,
    damaged,
    distinct,
    null_words,
    read_boolean,
    read_currency,
    read_id,
    where,
)
from pipelines.sources.files.numbers import read_amount, read_decimal, read_integer, read_rate
from pipelines.sources.files.table import FileRefusedError
from pipelines.sources.files.times import read_date, read_timestamp

_NOBODY = (
    r"(?i)^([-—_*.?/\\0\s]+|n/?a|none|null|nan|unknown|匿名|无|未知|游客)$"  # how files spell "no such identifier"
)
_MASKED = "*"
_SHOWN_VALUES = 5


def _is_nobody(cell: pl.Expr) -> pl.Expr:
    return cell.str.contains(_NOBODY) | cell.str.contains(_MASKED, literal=True)


@dataclass(frozen=True)
class Warned:
    """Rows that were accepted although something about them deserves a look."""

    dataset: str
    column: str
    message: str
    rows: int

    def as_dict(self) -> dict[str, str | int]:
        return {"dataset": self.dataset, "column": self.column, "message": self.message, "rows": self.rows}


@dataclass(frozen=True)
class Parsed:
    """``frame``: every column of the contract, typed (absent ones null), with ``_row`` and ``_raw``.

    ``problems``: cells that could not be read, with masks over the frame; their rows go to quarantine.
    """

    frame: pl.DataFrame
    problems: tuple[Problem, ...]
    warnings: tuple[Warned, ...]


def parse(frame: pl.DataFrame, to: Destination, headers: MappingOf[str, str], *, phone_region: str) -> Parsed:
    """Text frame (source headers, ``_row``, ``_raw``) → Parsed for one destination.

    ``headers`` gives the column of the frame for each source name of the mapping. Raises FileRefusedError when a
    constant is not readable.
    """
    reader = _Reader(frame, to, headers, phone_region)
    order = sorted(to.contract.columns, key=lambda column: column.kind != "currency")  # amounts need the currency
    typed = {column.name: reader.column(column) for column in order}
    columns = [typed[column.name].alias(column.name) for column in to.contract.columns]
    result = frame.select(*columns, ROW_COLUMN, RAW_COLUMN)
    return Parsed(result, tuple(reader.problems), tuple(reader.warnings))


class _Reader:
    def __init__(self, frame: pl.DataFrame, to: Destination, headers: MappingOf[str, str], region: str) -> None:
        self.frame = frame
        self.to = to
        self.headers = headers
        self.region = region
        self.zone = to.constants["timezone"]
        self.currencies = pl.Series([None], dtype=pl.String)  # one for every row, or one that holds for all
        self.places: pl.Series | None = None  # of each row among the distinct cells, while only these are read
        self.problems: list[Problem] = []
        self.warnings: list[Warned] = []

    def column(self, column: Column) -> pl.Series | pl.Expr:
        """The typed values of a target column; null where a cell is blank or has a problem. A constant is a literal."""
        if column.name in self.to.columns:
            typed = self._mapped(column, self.to.columns[column.name])
        elif column.name in self.to.constants:
            typed = self._constant(column, self.to.constants[column.name])
        else:
            typed = pl.Series([None], dtype=column.dtype)
        if column.kind == "currency":
            self.currencies = typed
        return typed if column.name in self.to.columns else pl.lit(typed.item(), dtype=column.dtype)

    def _constant(self, column: Column, text: str) -> pl.Series:
        cells = cleaned(pl.Series([text], dtype=pl.String))
        if column.kind == "amount":
            raise FileRefusedError(f"{column.name}: an amount cannot be the same for a whole file; map a column")
        typed, problems = self._read(column, cells, ColumnSource(source="constant"))
        if rule := next((rule for mask, rule in problems if mask.any()), None):
            raise FileRefusedError(f"constant {column.name} {text!r} {rule}; correct it in the mapping")
        return typed

    def _mapped(self, column: Column, spec: ColumnSource) -> pl.Series:
        """Few distinct cells, such as stores and states, are read once each."""
        cells = self.frame[self.headers[spec.source]]
        by_row = column.kind in ("price", "amount") and len(self.currencies) > 1
        found = None if by_row else distinct(cells)
        if found is None:
            return self._typed(column, cells, spec)
        cells, self.places = found
        typed = self._spread(self._typed(column, cells, spec))
        self.places = None
        return typed

    def _spread(self, values: pl.Series) -> pl.Series:
        """What was found for distinct cells, for every row."""
        return values if self.places is None else values.gather(self.places)

    def _problem(self, column: Column, rule: str, mask: pl.Series) -> None:
        if mask.any():
            self.problems.append(Problem(column.name, f"{column.name} {rule}", self._spread(mask).fill_null(False)))

    def _typed(self, column: Column, cells: pl.Series, spec: ColumnSource) -> pl.Series:
        cells = cleaned(cells, keep_joiners=column.kind == "text")
        if spec.values:
            cells = cells.replace({**spec.values, **{key.strip(): value for key, value in spec.values.items()}})
        problems = damaged(cells)
        for mask, rule in problems:
            self._problem(column, rule, mask)
            cells = blanked(cells, mask)
        if column.kind not in ("id", "text", "phone"):
            cells = self._without_null_words(column, cells)
        if column.personal and column.kind in ("id", "phone") and not column.required:
            return self._identifier(column, cells, spec)
        typed, problems = self._read(column, cells, spec)
        for mask, rule in problems:
            self._problem(column, rule, mask)
        return self._known(column, typed) if column.known else typed

    def _number(self, column: Column, cells: pl.Series, spec: ColumnSource) -> Reading:
        sign = spec.format[0] if spec.format else None
        money = self.currencies
        if len(money) != len(cells):
            money = money.new_from_index(0, len(cells))
        if column.kind == "integer":
            return read_integer(cells, sign)
        if column.kind == "amount":
            return read_amount(cells, money, minor=spec.unit == "minor", sign=sign)
        if column.kind == "rate":
            return read_rate(cells, sign)
        if not isinstance(column.dtype, pl.Decimal):
            raise TypeError(f"{column.name}: kind {column.kind} without a decimal type")
        return read_decimal(cells, column.dtype, sign, money if column.kind == "price" else None)

    def _read(self, column: Column, cells: pl.Series, spec: ColumnSource) -> Reading:
        match column.kind:
            case "id":
                return read_id(cells)
            case "phone":
                typed = phones_e164(cells, self.region)
                return typed, [(cells.is_not_null() & typed.is_null(), "is not a valid phone number")]
            case "integer" | "quantity" | "price" | "rate" | "amount":
                return self._number(column, cells, spec)
            case "timestamp":
                return read_timestamp(cells, spec.format, self.zone)
            case "date":
                return read_date(cells, spec.format, self.zone)
            case "currency":
                return read_currency(cells)
            case "boolean":
                return read_boolean(cells)
            case _:
                return cells, []

    def _warn(self, column: Column, mask: pl.Series, message: str) -> None:
        if mask.any() and (count := int(self._spread(mask).sum())):
            self.warnings.append(Warned(self.to.dataset, column.name, message, count))

    def _without_null_words(self, column: Column, cells: pl.Series) -> pl.Series:
        words = null_words(cells)
        if column.kind in ("timestamp", "date"):
            words = words | where(cells, lambda v: v.str.contains("^[-—]{1,2}$"))
        self._warn(column, words, "the cell says that there is nothing (null, \\N, none): read as empty")
        return blanked(cells, words)

    def _identifier(self, column: Column, cells: pl.Series, spec: ColumnSource) -> pl.Series:
        """A person's identifier that cannot be read costs the identifier, not the sale: null and a warning."""
        if column.kind == "phone":
            typed, problems = self._read(column, cells, spec)
            unread = problems[0][0]
        else:
            unread = where(cells, _is_nobody)
            typed, problems = self._read(column, blanked(cells, unread), spec)
            for mask, _ in problems:
                unread = unread | mask
            number = where(typed, lambda v: v.str.ends_with(".0"))
            self._warn(column, number, "ends in .0: written by a program that took ids for numbers; export it as text")
        self._warn(column, unread, "masked, malformed or a mark for nobody: the row is kept without it")
        return typed

    def _known(self, column: Column, typed: pl.Series) -> pl.Series:
        """An open list: the usual values in their usual spelling; others are kept, and named in a warning."""
        spelled = {value.casefold(): value for value in column.known}
        found = typed.unique().drop_nulls().sort().to_list()
        usual = {value: spelled[value.casefold()] for value in found if value.casefold() in spelled}
        unknown = [value for value in found if value not in usual]
        if unknown:
            shown = ", ".join(repr(value) for value in unknown[:_SHOWN_VALUES])
            message = f"unknown value(s) {shown}; usual are {', '.join(column.known)} (translate under values)"
            self._warn(column, typed.is_in(unknown), message)
        return typed.replace(usual)
