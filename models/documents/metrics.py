"""The glossary: what every figure of the company means, in both languages, and which rows make it."""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache

import polars as pl
from pydantic import Field, model_validator

from models.documents.loading import Document, RefusedError
from models.settings import PROJECT_ROOT

GLOSSARY = PROJECT_ROOT / "data" / "reference" / "metrics.yaml"
DIMENSIONS = ("company", "store", "region", "channel", "party_role")
OF_STORE = "of_store"  # a row's channel follows from the type of its store
OWNERS = ("owner", "region_manager", "store_manager", "service_manager", "operator", "finance", "analyst")


class Unit(StrEnum):
    """What the whole number of a figure counts: minor units of its currency, ones, thousandths, seconds, millionths."""

    MONEY = "money"
    COUNT = "count"
    QUANTITY = "quantity"
    SECONDS = "seconds"
    SHARE = "share"


class Kind(StrEnum):
    """How a figure comes about: see the head of the document."""

    SUM = "sum"
    DISTINCT = "distinct"
    STOCK = "stock"
    STATE = "state"
    DERIVED = "derived"


class BothLanguages(Document):
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def of(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class Rows(Document):
    """Which rows of a table of the warehouse make a figure; expressions are DuckDB's, over the table's columns.

    ``model``: the dbt model that counts it for the mart ``metrics``; None for what is not kept there. ``region``: only
    where rows say it themselves; else it is that of the store on the row's day.
    """

    mart: str = Field(pattern=r"^[a-z_]+$")
    measure: str = Field(pattern=r"^(count\(\*\)|(sum|max)\(.+\)|count\(distinct \w+\))$")
    key: tuple[str, ...] = Field(min_length=1)
    model: str | None = Field(default=None, pattern=r"^[a-z_]+$")
    where: str = "true"
    day: str | None = None
    moment: str | None = None
    store: str | None = None
    region: str | None = None
    channel: str | None = None
    currency: str | None = None
    party_role: str | None = None


class Parts(Document):
    """A derived figure: (sum of ``plus`` − sum of ``minus``) ÷ sum of ``over``; without ``over`` it is not divided."""

    plus: tuple[str, ...] = Field(min_length=1)
    minus: tuple[str, ...] = ()
    over: tuple[str, ...] = ()

    @property
    def every(self) -> tuple[str, ...]:
        return (*self.plus, *self.minus, *self.over)


class Figure(Document):
    """One figure. ``rows`` of what is counted, ``parts`` of what is derived; never both."""

    id: str = Field(pattern=r"^[a-z][a-z_]*$")
    name: BothLanguages
    meaning: BothLanguages
    formula: BothLanguages
    unit: Unit
    owner: str
    kind: Kind
    dimensions: tuple[str, ...] = Field(min_length=1)
    rows: Rows | None = None
    parts: Parts | None = None

    @property
    def is_stored(self) -> bool:
        """Whether its values by day and month are kept; the others are of now, or made of others."""
        return self.kind in (Kind.SUM, Kind.DISTINCT, Kind.STOCK)

    @property
    def has_currency(self) -> bool:
        return self.rows is not None and self.rows.currency is not None

    @model_validator(mode="after")
    def _whole(self) -> "Figure":
        if (self.rows is None) == (self.parts is None) or (self.parts is None) == (self.kind is Kind.DERIVED):
            raise RefusedError(
                f"{self.id}: a derived figure has parts, any other has rows",
                f"{self.id}：派生指标写 parts，其余写 rows",
            )
        if self.owner not in OWNERS:
            raise RefusedError(f"{self.id}: no role is called {self.owner}", f"{self.id}：没有角色 {self.owner}")
        if unknown := set(self.dimensions) - set(DIMENSIONS):
            raise RefusedError(f"{self.id}: unknown dimension {min(unknown)}", f"{self.id}：没有维度 {min(unknown)}")
        if self.rows is not None:
            self._rows_fit(self.rows)
        return self

    def _rows_fit(self, rows: Rows) -> None:
        missing = [
            place
            for place in DIMENSIONS[1:]
            if place in self.dimensions and getattr(rows, "store" if place == "region" else place) is None
        ]
        if missing:
            raise RefusedError(
                f"{self.id}: rows do not say their {missing[0]}", f"{self.id}：rows 没有说明维度 {missing[0]}"
            )
        if (self.unit is Unit.MONEY) and rows.currency is None:
            raise RefusedError(f"{self.id}: money needs a currency", f"{self.id}：金额必须有币种")
        dated = sum(one is not None for one in (rows.day, rows.moment))
        if dated != (1 if self.kind in (Kind.SUM, Kind.DISTINCT) else 0):
            raise RefusedError(
                f"{self.id}: rows of a sum or distinct count have a day or a moment, of a stock or state none",
                f"{self.id}：sum 与 distinct 的 rows 须写 day 或 moment 之一，stock 与 state 不写",
            )


class Glossary(Document):
    """Every figure, in the order in which they are shown."""

    figures: tuple[Figure, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> "Glossary":
        known = {figure.id: figure for figure in self.figures}
        if len(known) != len(self.figures):
            ids = [figure.id for figure in self.figures]
            twice = next(one for one in ids if ids.count(one) > 1)
            raise RefusedError(f"{twice} stands twice", f"{twice} 出现了两次")
        for figure in self.figures:
            for part in figure.parts.every if figure.parts else ():
                if part not in known or not known[part].is_stored:
                    raise RefusedError(
                        f"{figure.id}: {part} is no figure that is kept", f"{figure.id}：{part} 不是存有历史的指标"
                    )
                if missing := set(figure.dimensions) - set(known[part].dimensions):
                    raise RefusedError(
                        f"{figure.id}: {part} is not kept by {min(missing)}",
                        f"{figure.id}：{part} 没有按 {min(missing)} 存储",
                    )
        return self

    def __getitem__(self, figure_id: str) -> Figure:
        """Raises KeyError."""
        return next((one for one in self.figures if one.id == figure_id), None) or _unknown(figure_id)

    def frame(self) -> pl.DataFrame:
        """The published table ``metric_glossary``: one row per figure, by ``place``."""
        return pl.DataFrame([_row(place, one) for place, one in enumerate(self.figures, 1)], schema=SCHEMA)


SCHEMA = {
    "place": pl.Int64(),
    **dict.fromkeys(
        (
            *("metric", "kind", "unit", "owner", "dimensions", "name_zh", "name_en", "meaning_zh", "meaning_en"),
            *("formula_zh", "formula_en", "mart", "condition", "measure", "plus_of", "minus_of", "over_of"),
        ),
        pl.String(),
    ),
    "has_currency": pl.Boolean(),
}


def _row(place: int, figure: Figure) -> dict[str, object]:
    rows, parts = figure.rows, figure.parts
    return {
        "place": place,
        "metric": figure.id,
        "kind": figure.kind.value,
        "unit": figure.unit.value,
        "owner": figure.owner,
        "dimensions": _words(figure.dimensions),
        **{f"{part}_{tongue}": getattr(figure, part).of(tongue) for part in _TOLD for tongue in ("zh", "en")},
        "mart": rows.mart if rows else None,
        "condition": rows.where if rows else None,
        "measure": rows.measure if rows else None,
        "plus_of": _words(parts.plus) if parts else None,
        "minus_of": _words(parts.minus) if parts else None,
        "over_of": _words(parts.over) if parts else None,
        "has_currency": figure.has_currency,
    }


_TOLD = ("name", "meaning", "formula")


def _words(names: Sequence[str]) -> str:
    return " ".join(names)


def _unknown(figure_id: str) -> Figure:
    raise KeyError(figure_id)


@cache
def glossary() -> Glossary:
    """The shipped glossary. Raises DocumentError naming field and fault when it does not hold."""
    return Glossary.load(GLOSSARY)
