"""What a query is: an id, static SQL over scoped views, typed parameters, declared columns, personal columns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import polars as pl

from models.contracts.published import PUBLISHED
from models.identifiers import clean_text, masked
from models.serving.scope import with_views
from models.serving.snapshots import Snapshot
from models.serving.viewer import Viewer

DEFAULT_ROWS = 200
MOST_ROWS = 1000

TEXT, COUNT, BOOLEAN = pl.String(), pl.Int64(), pl.Boolean()
AMOUNT = pl.Int64()  # minor units of the row's currency
TEXTS = pl.List(pl.String())  # several of one customer; none: null
DAY, TIME = pl.Date(), pl.Datetime("us")  # times are naive UTC

_VIEW_NAME = re.compile(r"\bvisible_(\w+)")
_PARAMETER_NAME = re.compile(r"\$([a-z_]+)")


class ParameterError(ValueError):
    """A parameter is unknown, missing or of the wrong type; the message names query and parameter."""


@dataclass(frozen=True)
class Text:
    """Free text, cleaned (NFKC, invisible characters removed), never a pattern. ``optional``: may be None."""

    optional: bool = False
    most: int = 200

    def read(self, value: object) -> str | None:
        if value is None and self.optional:
            return None
        if not isinstance(value, str):
            raise ValueError("must be text")
        if len(value) > self.most:
            raise ValueError(f"must not be longer than {self.most} characters")
        return clean_text(value)


@dataclass(frozen=True)
class Key:
    """An identifier that came out of another query: compared as it stands. ``optional``: may be None."""

    optional: bool = False
    most: int = 400

    def read(self, value: object) -> str | None:
        if value is None and self.optional:
            return None
        if not isinstance(value, str) or len(value) > self.most:
            raise ValueError("must be an identifier")
        return value


@dataclass(frozen=True)
class Number:
    """A whole number that came out of another query."""

    def read(self, value: object) -> int:
        if type(value) is not int or not -(2**63) <= value < 2**63:
            raise ValueError("must be a whole number")
        return value


@dataclass(frozen=True)
class Keys:
    """Several identifiers that came out of another query or of the store, compared as they stand."""

    most: int = 1000

    def read(self, value: object) -> list[str]:
        if not isinstance(value, tuple) or len(value) > self.most or not all(isinstance(one, str) for one in value):
            raise ValueError(f"must be a tuple of at most {self.most} identifiers")
        return list(value)


@dataclass(frozen=True)
class Day:
    """A civil date."""

    def read(self, value: object) -> date:
        if type(value) is not date:
            raise ValueError("must be a date")
        return value


@dataclass(frozen=True)
class Moment:
    """A moment that came out of another query, naive UTC. ``optional``: may be None."""

    optional: bool = False

    def read(self, value: object) -> datetime | None:
        if value is None and self.optional:
            return None
        if not isinstance(value, datetime) or value.tzinfo is not None:
            raise ValueError("must be a moment without a time zone")
        return value


@dataclass(frozen=True)
class Skip:
    """Rows to leave out: those of a moment that were told before. ``default`` when not given."""

    default: int = 0

    def read(self, value: object) -> int:
        if type(value) is not int or not 0 <= value < 2**31:
            raise ValueError("must be a whole number, not negative")
        return value


@dataclass(frozen=True)
class Limit:
    """Most rows: from 1 to ``most``, ``default`` when not given."""

    default: int = DEFAULT_ROWS
    most: int = MOST_ROWS

    def read(self, value: object) -> int:
        if type(value) is not int or not 1 <= value <= self.most:
            raise ValueError(f"must be a whole number from 1 to {self.most}")
        return value


@dataclass(frozen=True)
class Choice:
    """One of a closed list. ``optional``: may be None."""

    values: tuple[str, ...]
    optional: bool = False

    def read(self, value: object) -> str | None:
        if value is None and self.optional:
            return None
        if value not in self.values:
            raise ValueError("must be one of " + ", ".join(self.values))
        return str(value)


Parameter = Text | Key | Keys | Number | Day | Moment | Skip | Limit | Choice


@dataclass(frozen=True)
class Query:
    """``sql`` names ``visible_<table>`` views only; ``columns`` are what comes back, in order, with polars types.

    ``personal`` columns are masked (text) or null (anything else) for a viewer who may not see personal values.
    """

    id: str
    sql: str
    columns: Mapping[str, pl.DataType]
    parameters: Mapping[str, Parameter]
    personal: tuple[str, ...] = ()

    @cached_property
    def statement(self) -> str:
        return with_views(self.sql)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(_PARAMETER_NAME.findall(self.statement))

    @cached_property
    def marts(self) -> frozenset[str]:
        """The published tables that the answer comes from."""
        return frozenset(_VIEW_NAME.findall(self.statement)) & frozenset(PUBLISHED)

    def run(self, snapshot: Snapshot, viewer: Viewer, given: Mapping[str, object]) -> pl.DataFrame:
        """Raises ParameterError. Columns and types are exactly ``columns``."""
        bound = self._read(given) | viewer.parameters()
        frame = snapshot.query(self.statement, {name: bound[name] for name in self._names})
        return self._masked(frame.select(list(self.columns)).cast(pl.Schema(self.columns)), viewer)

    def _read(self, given: Mapping[str, object]) -> dict[str, object]:
        unknown = sorted(set(given) - set(self.parameters))
        if unknown:
            raise ParameterError(f"{self.id}: unknown parameter(s) {', '.join(unknown)}")
        read: dict[str, object] = {}
        for name, parameter in self.parameters.items():
            value = given.get(name)
            if value is None and isinstance(parameter, Limit | Skip):
                value = parameter.default
            try:
                read[name] = parameter.read(value)
            except ValueError as error:
                raise ParameterError(f"{self.id}: {name} {error}") from error
        return read

    def _masked(self, frame: pl.DataFrame, viewer: Viewer) -> pl.DataFrame:
        """Row by row in Python: pages ask for at most ``MOST_ROWS`` rows, and exports refuse a viewer who is masked."""
        if viewer.sees_personal or not self.personal:
            return frame
        return frame.with_columns(
            pl.Series(name, [masked(value) for value in frame[name]], dtype=pl.String)
            if frame.schema[name] == pl.String
            else pl.lit(None, dtype=frame.schema[name]).alias(name)
            for name in self.personal
        )
