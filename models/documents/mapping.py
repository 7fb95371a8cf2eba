"""The mapping document: how the columns of a file become the columns of a dataset. People read it and edit it.

See ``docs/importing.md`` for an example of every line.
"""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from models.contracts import LANDED, Contract, contract
from models.documents.loading import Document, TextLoader

#: Facts about a whole file that every dataset may state, also where it has no such column.
FILE_FACTS = ("currency", "timezone")
AUTO = "auto"
EVERY_SHEET = "*"
SIGNS = ("negate", "absolute")
_NUMBERS = ("integer", "quantity", "price", "rate", "amount")
_TIMES = ("timestamp", "date")
_UNITS = {"major": "major", "yuan": "major", "元": "major", "minor": "minor", "fen": "minor", "分": "minor"}


def file_datasets() -> tuple[str, ...]:
    """The datasets that come through the file door, in the order of the contracts."""
    return tuple(name for name, of in LANDED.items() if of.door == "file")


def _as_text(value: Any) -> Any:
    """YAML reads ``1`` as a number and ``2026-01-05`` as a date; a constant or a cell is always text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_as_text)]


class Format(Document):
    """How the file is read. Everything that is not stated is found out from the content."""

    delimiter: str | None = Field(default=None, description="one character, or tab")
    encoding: str | None = Field(default=None, description="a text encoding; empty: BOM, else UTF-8, else GB18030")
    sheet: str | None = Field(default=None, description="a sheet's name; empty: the first visible; *: all visible")
    header_row: int = Field(default=1, ge=1, le=1000, description="row that holds the column names, from 1")
    footer: Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)] = Field(
        default=(),
        description="the first row whose first cell begins so ends the table; all from it on is skipped",
    )
    strip: str | None = Field(default=None, min_length=1, description="characters taken off both ends of every cell")

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        value = "\t" if value in ("tab", "\\t") else value
        if value is not None and (len(value) != 1 or not value.isascii() or value in "\"'\n\r" or value.isalnum()):
            raise ValueError("must be one ASCII character that is no quote, letter or digit, or the word tab")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            codec = codecs.lookup(value)
            "".encode(value)  # bytes-to-bytes codecs such as base64 are refused here
        except LookupError as error:
            raise ValueError(f"{value!r} is not a text encoding; usual are utf-8, gb18030, utf-16, big5") from error
        return codec.name


class ColumnSource(Document):
    """Where a target column comes from. ``from`` is the header; ``values`` translates cells before they are read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: str = Field(alias="from", min_length=1)
    format: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ()
    unit: Literal["major", "minor"] | None = None
    values: dict[Text, Text] = Field(default_factory=dict)

    @field_validator("unit", mode="before")
    @classmethod
    def _known_unit(cls, value: Any) -> Any:
        if value is not None and value not in _UNITS:
            raise ValueError(f"must be major (yuan) or minor (fen), not {value!r}")
        return _UNITS.get(value) if value is not None else None


class Condition(Document):
    """A test on the cells of one source column; when several are given, all of them must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    column: str = Field(min_length=1)
    equals: Text | None = None
    one_of: tuple[Text, ...] | None = Field(default=None, alias="in", min_length=1)
    starts_with: Text | None = Field(default=None, min_length=1)
    matches: str | None = Field(default=None, min_length=1, description="a regular expression found in the cell")
    negative: bool | None = Field(default=None, description="the cell is a number below zero")
    empty: bool | None = None

    @model_validator(mode="after")
    def _tests_something(self) -> Self:
        tests = (self.equals, self.one_of, self.starts_with, self.matches, self.negative, self.empty)
        if all(test is None for test in tests):
            raise ValueError("needs one of equals, in, starts_with, matches, negative, empty")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches is not a regular expression: {error}") from error
        return self


def _as_columns(value: Any) -> Any:
    """``target: header`` is short for ``target: {from: header}``."""
    if isinstance(value, dict):
        return {k: {"from": _as_text(v)} if isinstance(v, str | int | float) else v for k, v in value.items()}
    return value


Columns = Annotated[dict[str, ColumnSource], BeforeValidator(_as_columns)]


class Route(Document):
    """Rows that belong to another dataset. Without ``columns``, those that the other dataset shares are taken over."""

    when: Condition
    dataset: str
    columns: Columns | None = None
    constants: dict[str, Text] = Field(default_factory=dict)


@dataclass(frozen=True)
class Destination:
    """A dataset that rows of the file go to, with its own complete columns and constants."""

    dataset: str
    columns: dict[str, ColumnSource]
    constants: dict[str, str]
    when: Condition | None = None

    @property
    def contract(self) -> Contract:
        return contract(self.dataset)

    def missing(self) -> tuple[str, ...]:
        """Required columns that are neither mapped nor constant."""
        return self.contract.missing([*self.columns, *self.constants])


class Mapping(Document):
    """A file's mapping. ``duplicates: drop`` skips rows that repeat an earlier row of the file in every cell.

    Cells are text, and so is what the mapping says of them: YAML's booleans and numbers are not looked for.
    """

    loader: ClassVar[type[yaml.SafeLoader]] = TextLoader

    dataset: str
    format: Format = Format()
    constants: dict[str, Text] = Field(default_factory=dict)
    columns: Columns = Field(min_length=1)
    duplicates: Literal["keep", "drop"] = "keep"
    routes: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _holds(self) -> Self:
        _check_names(self.dataset, self.columns, self.constants)
        for route in self.routes:
            _check_names(route.dataset, route.columns or {}, route.constants)
        for target in self.constants:
            if target in self.columns:
                raise ValueError(f"{target} is both a column and a constant; keep one of them")
        for destination in self.destinations():
            if "timezone" in destination.constants:
                _check_zone(destination.constants["timezone"])
            missing = [name for name in destination.missing() if name != "currency"]  # settings have a default
            if missing:
                raise ValueError(
                    f"{destination.dataset}: {', '.join(missing)} is required: map it under columns, or give one value "
                    "for the whole file under constants"
                )
        return self

    def destinations(self) -> tuple[Destination, ...]:
        """The mapping's own dataset first, then one per route; constants are inherited, a route's own win."""
        found = [Destination(self.dataset, dict(self.columns), dict(self.constants))]
        for route in self.routes:
            known = contract(route.dataset).by_name
            columns = route.columns or {name: spec for name, spec in self.columns.items() if name in known}
            inherited = {k: v for k, v in self.constants.items() if k in known or k in FILE_FACTS}
            constants = {k: v for k, v in {**inherited, **route.constants}.items() if k not in columns}
            found.append(Destination(route.dataset, dict(columns), constants, route.when))
        return tuple(found)

    def with_defaults(self, *, currency: str, timezone: str) -> Self:
        """The mapping with the company's currency and time zone stated where it states none.

        A zone is always stated: it reads the file's times, also where the dataset has a column of that name.
        """
        defaults = {"timezone": timezone}
        if "currency" not in self.columns:
            defaults["currency"] = currency
        return self.model_copy(update={"constants": {**defaults, **self.constants}})

    def sources(self) -> set[str]:
        """Every header that the mapping names."""
        named = {spec.source for destination in self.destinations() for spec in destination.columns.values()}
        return named | {route.when.column for route in self.routes}

    def dump(self) -> str:
        """YAML that loads to an equal mapping."""
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        content["columns"] = {name: _short(spec) for name, spec in content["columns"].items()}
        for route in content.get("routes", []):
            if route.get("columns"):
                route["columns"] = {name: _short(spec) for name, spec in route["columns"].items()}
        return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120)


def write_beside(file: Path, text: str) -> Path:
    """Write a mapping beside its file as ``<name>.map.yaml``; never over another one, which may be mended."""
    number = 1
    while True:
        path = file.with_name(f"{file.stem}.map.yaml" if number == 1 else f"{file.stem}.map.{number}.yaml")
        if not path.exists():
            path.write_text(text, encoding="utf-8")
            return path
        if path.read_bytes() == text.encode():
            return path
        number += 1


def _short(spec: dict[str, Any]) -> Any:
    if list(spec) == ["from"]:
        return spec["from"]
    if len(spec.get("format", ())) == 1:
        spec = {**spec, "format": spec["format"][0]}
    return spec


def _check_names(dataset: str, columns: dict[str, ColumnSource], constants: Iterable[str]) -> None:
    if dataset not in file_datasets():
        raise ValueError(f"unknown dataset {dataset!r}; files hold {', '.join(file_datasets())}")
    known = contract(dataset).by_name
    for target in (*columns, *constants):
        if target not in known and not (target in FILE_FACTS and target not in columns):
            raise ValueError(f"{dataset} has no column {target!r}; it has {', '.join(known)}")
    for target, spec in columns.items():
        _check_reading(target, known[target].kind, spec)


def _check_reading(target: str, kind: str, spec: ColumnSource) -> None:
    """``format`` and ``unit`` must mean something for the kind of the column."""
    if spec.unit is not None and kind != "amount":
        raise ValueError(f"{target}: unit is for amounts, and this column is of kind {kind}")
    if not spec.format:
        return
    if kind in _TIMES:
        wrong = [one for one in spec.format if one != AUTO and "%" not in one]
        if wrong:
            raise ValueError(f"{target}: {wrong[0]!r} is no pattern such as %d/%m/%Y %H:%M, and not {AUTO}")
    elif kind in _NUMBERS:
        if len(spec.format) != 1 or spec.format[0] not in SIGNS:
            raise ValueError(f"{target}: format of a number is {' or '.join(SIGNS)}, not {', '.join(spec.format)}")
    else:
        raise ValueError(f"{target}: format is for times and numbers, and this column is of kind {kind}")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"timezone {name!r} is unknown; give an IANA name such as Asia/Shanghai") from error
