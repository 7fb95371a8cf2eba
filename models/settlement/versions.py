"""Versions of a rulebook over time: which of them holds on which days, as known at a moment.

A version holds from its day on (``effective_from``) until a version that became known later holds. So a day takes the
newest version known that is effective on it, and every version has at most one span of days.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from models.documents.settlement import SettlementDocument
from models.settlement.rule_tables import compile_rules
from models.settlement.rules import Rule, rules_of

VERSIONS_SCHEMA: dict[str, pl.DataType] = {
    "rule_version": pl.String(),
    "known_from": pl.Int64(),
    "effective_from": pl.Date(),
    "holds_from": pl.Date(),
    "holds_to": pl.Date(),
}


@dataclass(frozen=True)
class Version:
    """A rulebook that is known since ``known_from``, a number that only grows; None is effective on every day."""

    document: SettlementDocument
    known_from: int
    effective_from: date | None = None


@dataclass(frozen=True)
class Span:
    """The days on which a version holds: from ``holds_from`` to before ``holds_to``; None is open."""

    version: Version
    holds_from: date | None
    holds_to: date | None


def spans(versions: Iterable[Version]) -> tuple[Span, ...]:
    """Spans in order of days; a version that a newer one covers whole has none."""
    found: list[Span] = []
    until = date.max
    for version in sorted(versions, key=lambda one: one.known_from, reverse=True):
        start = version.effective_from or date.min
        if start < until:
            found.append(Span(version, version.effective_from, None if until == date.max else until))
            until = start
    return tuple(reversed(found))


def in_force(versions: Iterable[Version], day: date) -> Version | None:
    """The version that a day takes; None before the first."""
    held = (span for span in spans(versions) if span.holds_from is None or span.holds_from <= day)
    return next((span.version for span in held if span.holds_to is None or day < span.holds_to), None)


def days_to_check(document: SettlementDocument, effective_from: date) -> tuple[date, date]:
    """The days on which a version must hold: from its own day to the last on which its rules change; then they stay."""
    ends = [day for rule in document.rules for day in (rule.valid_from, rule.valid_to) if day is not None]
    return effective_from, max([effective_from, *ends]) + timedelta(days=1)


def rules_in_force(versions: Iterable[Version]) -> tuple[Rule, ...]:
    """The rules of all versions, each on the days that both its own validity and its version's span hold."""
    found = []
    for span in spans(versions):
        for rule in rules_of(span.version.document):
            start = max(rule.valid_from or date.min, span.holds_from or date.min)
            end = min(rule.valid_to or date.max, span.holds_to or date.max)
            if start < end:
                days = (None if start == date.min else start, None if end == date.max else end)
                found.append(replace(rule, valid_from=days[0], valid_to=days[1]))
    return tuple(found)


def compile_versions(versions: Sequence[Version]) -> dict[str, pl.DataFrame]:
    """The dbt sources of all versions that hold on some day, by name.

    The tables of ``compile_rules``, each content once, and ``settlement_versions`` (VERSIONS_SCHEMA), one row per span:
    a content that was published again after another one has two. Raises ValueError without a version.
    """
    held = spans(versions)
    if not held:
        raise ValueError("no version of the settlement rulebook is known")
    contents = {span.version.document.version: span.version.document for span in held}
    compiled = [compile_rules(document) for _, document in sorted(contents.items())]
    tables = {name: pl.concat([tables[name] for tables in compiled]) for name in compiled[0]}
    rows = [
        (one.version.document.version, one.version.known_from, one.version.effective_from, one.holds_from, one.holds_to)
        for one in held
    ]
    return tables | {"settlement_versions": pl.DataFrame(rows, schema=VERSIONS_SCHEMA, orient="row")}
