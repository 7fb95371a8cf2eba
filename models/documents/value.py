"""The value document: how customers are scored (RFM), how segments are called, what a kind of cost or bill line is.

Method of the scores: the share of customers below a value plus half of those at it (Bross 1958, "How to use ridit
analysis", Biometrics 14; Parzen's mid-distribution function) is compared with the limits. It depends on values only,
so equal customers get equal scores whatever the order of rows, and a heavy tie sits at its own middle.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

import polars as pl
from pydantic import BeforeValidator, Field, model_validator

from models.documents.loading import Document, RefusedError
from models.money import PPM, to_minor

SCORES = (1, 2, 3, 4, 5)
MEASURES = ("recency", "frequency", "monetary")
ANY_CURRENCY = "*"
CostComponent = Literal["cost", "shipping", "service_cost"]
FeeComponent = Literal["fee", "shipping", "service_cost"]
_BOX = re.compile(r"([1-5])(?:-([1-5]))?")

RULES_SCHEMA: dict[str, pl.DataType] = {
    "window_from": pl.Datetime("us"),
    "rate_days": pl.Int64(),
    "outside_segment": pl.String(),
    "rule_version": pl.String(),
}
SCALES_SCHEMA: dict[str, pl.DataType] = {
    "measure": pl.String(),
    "currency": pl.String(),
    "method": pl.String(),
    **{f"cut_{n}": pl.Int64() for n in (1, 2, 3, 4)},
}
BOXES_SCHEMA: dict[str, pl.DataType] = {
    **{f"{measure}_score": pl.Int32() for measure in MEASURES},
    "segment": pl.String(),
}
SEGMENTS_SCHEMA: dict[str, pl.DataType] = {
    "segment": pl.String(),
    "name_zh": pl.String(),
    "name_en": pl.String(),
    "segment_seq": pl.Int32(),
}
COMPONENTS_SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),
    "kind": pl.String(),
    "component": pl.String(),
    "proves_known": pl.Boolean(),
}


def _box(written: object) -> object:
    """``4-5`` or ``5`` as (first, last); YAML reads a lone digit as a number."""
    if isinstance(written, tuple):
        return written
    found = _BOX.fullmatch(str(written))
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise RefusedError(
            f"{written!r} is no range of scores; write for instance 4-5 or 3",
            f"{written!r} 不是评分范围，应写成 4-5 或 3 这样的形式",
        )
    return int(found[1]), int(found[2] or found[1])


Box = Annotated[tuple[int, int], BeforeValidator(_box)]
Percents = tuple[Decimal, Decimal, Decimal, Decimal]


def _ascending(limits: tuple[Decimal, ...], what: str) -> None:
    if any(later <= earlier for earlier, later in pairwise(limits)):
        raise RefusedError(f"{what} must ascend", f"{what} 应从小到大")


class Scale(Document):
    """Four limits between the scores: ``quantiles`` in percent, or ``bounds`` (whole days or orders)."""

    quantiles: Percents | None = None
    bounds: tuple[int, int, int, int] | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> "Scale":
        if (self.quantiles is None) == (self.bounds is None):
            raise RefusedError("give quantiles or bounds, one of the two", "quantiles 与 bounds 只写其中一个")
        _check_percents(self.quantiles)
        _ascending(tuple(Decimal(bound) for bound in self.bounds or ()), "bounds")
        return self


class MoneyScale(Document):
    """``bounds``: by currency, amounts in major units. Other currencies take ``quantiles``."""

    quantiles: Percents = (Decimal(20), Decimal(40), Decimal(60), Decimal(80))
    bounds: dict[str, Percents] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds(self) -> "MoneyScale":
        _check_percents(self.quantiles)
        for currency, bounds in self.bounds.items():
            if not re.fullmatch(r"[A-Z]{3}", currency):
                raise RefusedError(f"bounds: {currency} is no currency code", f"bounds: {currency} 不是币种代码")
            _ascending(bounds, f"bounds {currency}")
        return self


def _check_percents(percents: Percents | None) -> None:
    if percents is None:
        return
    _ascending(percents, "quantiles")
    if not percents[0] > 0 or not percents[-1] < 100:
        raise RefusedError("quantiles lie between 0 and 100 percent", "quantiles 应在 0 与 100 之间")


class Named(Document):
    """A segment's id and its name in both languages."""

    id: str = Field(pattern=r"[a-z][a-z0-9_]*")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Segment(Named):
    """A box of scores: first and last of each measure, both in it."""

    recency: Box = (1, 5)
    frequency: Box = (1, 5)
    monetary: Box = (1, 5)

    def holds(self, scores: tuple[int, int, int]) -> bool:
        boxes = (self.recency, self.frequency, self.monetary)
        return all(first <= score <= last for score, (first, last) in zip(scores, boxes, strict=True))


class Components(Document):
    """Kind of a cost, of a bill's line, of a party of settlement -> component of a contribution."""

    costs: dict[str, CostComponent] = Field(default_factory=dict)
    statements: dict[str, FeeComponent] = Field(default_factory=dict)
    settlement: dict[str, Literal["commission"]] = Field(default_factory=dict)


class ValueDocument(Document):
    """What ``data/rulebooks/value.yaml`` says. Days are days of the company's civil calendar."""

    window_days: int = Field(default=730, ge=1, le=36500)
    recency: Scale
    frequency: Scale
    monetary: MoneyScale = MoneyScale()
    segments: tuple[Segment, ...] = Field(min_length=1)
    outside: Named
    components: Components = Components()
    cost_is_known_by: str = "purchase"
    rates_at_most_days_old: int = Field(default=10, ge=0, le=3650)

    @model_validator(mode="after")
    def _every_customer_has_one_segment(self) -> "ValueDocument":
        names = [segment.id for segment in (*self.segments, self.outside)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise RefusedError(f"segments: {twice[0]} stands twice", f"segments: {twice[0]} 出现了两次")
        chosen = {scores: self.segment_of(scores) for scores in _combinations()}
        if gaps := [scores for scores, segment in chosen.items() if segment is None]:
            r, f, m = gaps[0]
            raise RefusedError(
                f"segments: recency {r}, frequency {f}, monetary {m} (and {len(gaps) - 1} more) have no segment",
                f"segments: 近度 {r}、频度 {f}、金额 {m}（另有 {len(gaps) - 1} 种）没有对应的分群",
            )
        if unused := [segment.id for segment in self.segments if segment not in chosen.values()]:
            raise RefusedError(
                f"segments: {unused[0]} can never be reached; an earlier box takes all of it",
                f"segments: {unused[0]} 永远不会命中，前面的分群已全部覆盖",
            )
        return self

    def segment_of(self, scores: tuple[int, int, int]) -> Segment | None:
        """The first segment whose box holds (recency, frequency, monetary)."""
        return next((segment for segment in self.segments if segment.holds(scores)), None)


def _combinations() -> list[tuple[int, int, int]]:
    return [(r, f, m) for r in SCORES for f in SCORES for m in SCORES]


def value_tables(document: ValueDocument, as_of: datetime, zone: tzinfo = UTC) -> dict[str, pl.DataFrame]:
    """The dbt sources of the document for a run that ends at ``as_of`` (naive UTC).

    ``value_rules``: one row; window_from is the first moment of the window, naive UTC. ``value_scales``: (measure,
    currency; ``*``: any other), method ``quantiles`` (cuts in millionths) or ``bounds`` (days, orders, minor units).
    ``value_boxes``: one row per combination of scores. ``value_segments``: segment, its names, its place.
    ``value_components``: (source, kind); proves_known: the kind of cost without which a cost is not known.
    """
    now = as_of.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    since = (now - timedelta(days=document.window_days)).replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    rules = [(since, document.rates_at_most_days_old, document.outside.id, document.version)]
    boxes = [(*scores, segment.id) for scores in _combinations() if (segment := document.segment_of(scores))]
    named: tuple[Named, ...] = (*document.segments, document.outside)
    segments = [(one.id, one.zh, one.en, place) for place, one in enumerate(named, start=1)]
    kinds = document.components
    components = [
        (source, kind, component, source == "costs" and kind == document.cost_is_known_by)
        for source, known in (
            ("costs", {document.cost_is_known_by: "cost", **kinds.costs}),
            ("statements", kinds.statements),
            ("settlement", kinds.settlement),
        )
        for kind, component in sorted(known.items())
    ]
    return {
        "value_rules": pl.DataFrame(rules, schema=RULES_SCHEMA, orient="row"),
        "value_scales": pl.DataFrame(_scales(document), schema=SCALES_SCHEMA, orient="row"),
        "value_boxes": pl.DataFrame(boxes, schema=BOXES_SCHEMA, orient="row"),
        "value_segments": pl.DataFrame(segments, schema=SEGMENTS_SCHEMA, orient="row"),
        "value_components": pl.DataFrame(components, schema=COMPONENTS_SCHEMA, orient="row"),
    }


def _scales(document: ValueDocument) -> list[tuple[str | int, ...]]:
    rows: list[tuple[str | int, ...]] = []
    for measure, scale in (("recency", document.recency), ("frequency", document.frequency)):
        if scale.bounds is not None:
            rows.append((measure, ANY_CURRENCY, "bounds", *scale.bounds))
        elif scale.quantiles is not None:
            rows.append((measure, ANY_CURRENCY, "quantiles", *_millionths(scale.quantiles)))
    rows.append(("monetary", ANY_CURRENCY, "quantiles", *_millionths(document.monetary.quantiles)))
    for currency, bounds in sorted(document.monetary.bounds.items()):
        rows.append(("monetary", currency, "bounds", *(to_minor(bound, currency) for bound in bounds)))
    return rows


def _millionths(percents: Percents) -> list[int]:
    return [int(percent * PPM / 100) for percent in percents]
