"""Months and days as people write them."""

import re
from datetime import date, timedelta

from models.errors import ExpectedError

_WRITTEN = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2]))(?:\.\.(\d{4}-(?:0[1-9]|1[0-2])))?")


class MonthsError(ExpectedError):
    """Text that names no months, or no day."""


def months_between(text: str) -> tuple[date, date]:
    """``2026-06`` or ``2026-04..2026-06``: the first day, and the day after the last. Raises MonthsError."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise MonthsError(f"{text!r} is no month; write 2026-06, or 2026-04..2026-06 for several")
    first = date.fromisoformat(f"{found[1]}-01")
    last = date.fromisoformat(f"{found[2] or found[1]}-01")
    if last < first:
        raise MonthsError(f"{text}: the last month is before the first")
    return first, (last + timedelta(days=31)).replace(day=1)


def day_of(text: str) -> date:
    """``2026-07-01``. Raises MonthsError."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise MonthsError(f"{text!r} is no day; write 2026-07-01") from error
