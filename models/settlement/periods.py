"""Periods of settlement: a civil day, an ISO week from Monday, a calendar month; civil days of the store."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from models.errors import ExpectedError

PeriodKind = Literal["day", "week", "month"]
_MONTH, _WEEK = re.compile(r"([0-9]{4})-([0-9]{2})"), re.compile(r"([0-9]{4})-W([0-9]{2})")


class PeriodError(ExpectedError):
    """A text that names no period."""


@dataclass(frozen=True)
class Period:
    """``label``: 2026-06, 2026-W27 or 2026-06-30. ``ends_on`` is its last day, ``open_from`` the day after."""

    label: str
    kind: PeriodKind
    starts_on: date
    ends_on: date

    @property
    def open_from(self) -> date:
        return self.ends_on + timedelta(days=1)


def parse_period(label: str) -> Period:
    """The period of a label. Raises PeriodError when it is none (month 13, week 54, 30 February)."""
    try:
        if found := _MONTH.fullmatch(label):
            first = date(int(found[1]), int(found[2]), 1)
            after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            return Period(label, "month", first, after - timedelta(days=1))
        if found := _WEEK.fullmatch(label):
            monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return Period(label, "week", monday, monday + timedelta(days=6))
        if len(label) == len("2026-06-30"):
            day = date.fromisoformat(label)
            return Period(label, "day", day, day)
    except ValueError as error:
        raise PeriodError(f"{label!r} is no period: {error}") from None
    raise PeriodError(f"{label!r} is no period; write a month 2026-06, an ISO week 2026-W27 or a day 2026-06-30")


def period_of(kind: PeriodKind, day: date) -> Period:
    """The period of a kind in which a day lies."""
    if kind == "month":
        return parse_period(f"{day:%Y-%m}")
    if kind == "week":
        year, week, _ = day.isocalendar()
        return parse_period(f"{year:04d}-W{week:02d}")
    return parse_period(day.isoformat())
