"""Windows of time: whatever the span and the vendor's limit, every second is in one of them and none is too long."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.records import civil, epoch
from pipelines.sources.windows import SECOND, split

moments = st.datetimes(datetime(2019, 12, 1), datetime(2029, 3, 5), timezones=st.just(UTC))
ZONES = ("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Macau", "America/New_York", "Europe/London", "Australia/Sydney")


@given(moments, st.timedeltas(timedelta(0), timedelta(days=400)), st.timedeltas(timedelta(hours=5), timedelta(days=31)))
def test_windows_cover_the_span_without_a_gap(start: datetime, span: timedelta, longest: timedelta) -> None:
    windows = list(split(start, start + span, longest))
    assert windows[0].start <= start
    assert windows[-1].end >= start + span
    assert windows[-1].end - (start + span) < SECOND
    assert all(timedelta(0) <= window.end - window.start <= longest for window in windows)
    assert all(before.end == after.start for before, after in itertools.pairwise(windows))


@given(moments)
def test_a_moment_is_a_window_and_nothing_is_none(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert [(one.start, one.end) for one in split(whole, whole, timedelta(days=1))] == [(whole, whole)]
    assert list(split(moment, moment - timedelta(minutes=1), timedelta(days=1))) == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-02-28T15:59:59+00:00", "2024-03-01T16:00:00+00:00"),  # leap day
        ("2025-12-31T15:59:59+00:00", "2026-01-01T16:00:01+00:00"),  # year end
        ("2026-01-31T00:00:00+00:00", "2026-03-01T00:00:00+00:00"),  # a short month
    ],
)
def test_month_ends_and_leap_days_are_covered(start: str, end: str) -> None:
    windows = list(split(datetime.fromisoformat(start), datetime.fromisoformat(end), timedelta(days=1)))
    assert windows[0].start.isoformat() == start
    assert windows[-1].end.isoformat() == end
    assert all(before.end == after.start for before, after in itertools.pairwise(windows))


def test_a_window_below_a_second_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter than a second"):
        next(split(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), timedelta(milliseconds=5)))


@given(st.sampled_from(ZONES), moments)
def test_civil_time_of_any_zone_comes_back(zone: str, moment: datetime) -> None:
    """An hour that a zone has twice is read as its first; every other second is exact."""
    there = moment.replace(microsecond=0).astimezone(ZoneInfo(zone))
    text = pl.Series([there.strftime("%Y-%m-%d %H:%M:%S")])
    found = pl.select(civil(zone).parse(pl.lit(text))).item()
    expected = there.replace(fold=0).astimezone(UTC).replace(tzinfo=None)
    assert found == expected


@given(moments)
def test_seconds_and_milliseconds_are_read_exactly(moment: datetime) -> None:
    stamp = int(moment.timestamp())
    naive = moment.replace(microsecond=0, tzinfo=None)
    assert pl.select(epoch("s").parse(pl.lit(str(stamp)))).item() == naive
    assert pl.select(epoch("ms").parse(pl.lit(str(stamp * 1000 + 7)))).item() == naive + timedelta(milliseconds=7)
