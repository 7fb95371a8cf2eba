"""Text → times. Civil times become naive UTC by the file's time zone.

Autumn's repeated hour is taken as its first passage (summer time); spring's missing hour is refused. A time that
carries an offset, and a Unix time, is an instant already. Day and month are told apart by the whole column, never
by a guess: when no value tells, the column is refused until the mapping states its format.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from models.documents.mapping import AUTO
from pipelines.sources.files.cells import Problems, Reading, blanked, where

EARLIEST, LATEST = datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2100-01-01")  # naive, as the frames
_USUAL = "%Y-%m-%d %H:%M:%S"
_CLOCK = r"(?:[T ]?\s*([0-9]{1,2})[:时点]([0-9]{1,2})(?:[:分]([0-9]{1,2})秒?)?分?(?:[.,]([0-9]{1,9}))?)?"
_ENDING = r"\s*(AM|PM)?\s*(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?$"
_YEAR_FIRST = r"^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?" + _CLOCK + _ENDING
_YEAR_LAST = r"^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})" + _CLOCK + _ENDING
_COMPACT = r"^((?:19|20)[0-9]{2})([01][0-9])([0-3][0-9])(?:[T ]?([0-9]{2})([0-9]{2})([0-9]{2}))?$"
_UNIX = r"^([0-9]{10})(?:([0-9]{3}))?$"
_SERIAL = r"^([2-7][0-9]{4}(?:\.[0-9]+)?)$"  # days since 1899-12-30: 1954 to 2118
_SERIAL_EPOCH = datetime.fromisoformat("1899-12-30")
_UNREADABLE = "is not a time such as 2026-01-05 09:30:00"
_AMBIGUOUS = "does not tell day from month: state its format in the mapping, e.g. format: '%d/%m/%Y'"


@dataclass
class _Times:
    """Per row, at most one of the two: a time of the civil calendar, or an instant in UTC."""

    civil: pl.Series
    instant: pl.Series

    @property
    def open(self) -> pl.Series:
        return self.civil.is_null() & self.instant.is_null()


def read_timestamp(values: pl.Series, formats: tuple[str, ...], zone: str) -> Reading:
    """Cleaned text → naive UTC, microseconds."""
    times, problems = _read(values, formats)
    converted = (
        times.civil.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
        .dt.replace_time_zone(None)
    )
    missing = times.civil.is_not_null() & converted.is_null()
    problems.append((missing, f"did not exist in {zone}: the clocks went forward"))
    typed = converted.zip_with(converted.is_not_null(), times.instant)
    return _bounded(typed, problems)


def read_date(values: pl.Series, formats: tuple[str, ...], zone: str) -> Reading:
    """Cleaned text → the civil date; a time of day is left out."""
    times, problems = _read(values, formats)
    local = times.instant.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    typed, problems = _bounded(times.civil.zip_with(times.civil.is_not_null(), local), problems)
    return typed.dt.date(), problems


def _bounded(typed: pl.Series, problems: Problems) -> Reading:
    outside = where(typed, lambda v: (v < EARLIEST) | (v >= LATEST))
    problems.append((outside, f"lies outside {EARLIEST.year} to {LATEST.year - 1}"))
    return blanked(typed, outside), problems


def _read(values: pl.Series, formats: tuple[str, ...]) -> tuple[_Times, Problems]:
    nothing = pl.Series(values.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(values))
    times = _Times(nothing, nothing)
    ambiguous = pl.Series([False]).new_from_index(0, len(values))
    for pattern in formats or (AUTO,):
        rest = blanked(values, ~times.open)
        if rest.null_count() == len(rest):
            break
        if pattern == AUTO:
            ambiguous = _read_any(times, rest)
        else:
            _read_pattern(times, rest, pattern)
    unread = values.is_not_null() & times.open
    rule = _UNREADABLE if AUTO in (formats or (AUTO,)) else f"is not a time of the form {' or '.join(formats)}"
    return times, [(unread & ambiguous, _AMBIGUOUS), (unread & ~ambiguous, rule)]


def _read_pattern(times: _Times, values: pl.Series, pattern: str) -> None:
    found = values.str.to_datetime(pattern, time_unit="us", strict=False, cache=False)  # times hardly ever repeat
    if "%z" in pattern or "%:z" in pattern:
        times.instant = times.instant.zip_with(times.instant.is_not_null(), found.dt.replace_time_zone(None))
    else:
        times.civil = times.civil.zip_with(times.civil.is_not_null(), found)


def _read_any(times: _Times, values: pl.Series) -> pl.Series:
    """Every usual spelling, the commonest first. Returns the mask of cells whose day and month cannot be told."""
    _read_pattern(times, values, _USUAL)
    ambiguous = pl.Series([False]).new_from_index(0, len(values))
    rest = blanked(values, ~times.open)
    if rest.null_count() == len(rest):
        return ambiguous
    rest = rest.str.to_uppercase()
    _assembled(times, _groups(rest, _YEAR_FIRST, ("y", "m", "d", *_TAIL)))
    compact = ("y", "m", "d", "h", "min", "s")
    _assembled(times, _groups(rest, _COMPACT, compact))
    unix = _groups(rest, _UNIX, ("s", "ms"))
    milliseconds = pl.col("s").cast(pl.Int64) * 1000 + pl.col("ms").cast(pl.Int64).fill_null(0)
    found = unix.select(milliseconds.cast(pl.Datetime("ms")).cast(pl.Datetime("us"))).to_series()
    times.instant = times.instant.zip_with(times.instant.is_not_null(), found)
    serial = _groups(rest, _SERIAL, ("n",))
    days = (pl.col("n").cast(pl.Float64) * 86_400_000).round().cast(pl.Int64).cast(pl.Duration("ms"))
    found = serial.select((pl.lit(_SERIAL_EPOCH) + days).cast(pl.Datetime("us"))).to_series()
    times.civil = times.civil.zip_with(times.civil.is_not_null(), found)
    return _read_year_last(times, rest)


def _read_year_last(times: _Times, values: pl.Series) -> pl.Series:
    """5/1/2026: by the column. A value above 12 in one place, and none in the other, tells for all."""
    groups = _groups(values, _YEAR_LAST, ("a", "b", "y", *_TAIL))
    first, second = groups["a"].cast(pl.Int64), groups["b"].cast(pl.Int64)
    day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
    if day_first != month_first:
        order = ("d", "m") if day_first else ("m", "d")
        _assembled(times, groups.rename({"a": order[0], "b": order[1]}))
        return pl.Series([False]).new_from_index(0, len(values))
    for mask, order in (((first > 12), ("d", "m")), ((second > 12) | (first == second), ("m", "d"))):
        sure = groups.with_columns(pl.when(mask.fill_null(False)).then(pl.col("y")).alias("y"))
        _assembled(times, sure.rename({"a": order[0], "b": order[1]}))
    return groups["y"].is_not_null() & (first <= 12) & (second <= 12) & (first != second)


_TAIL = ("h", "min", "s", "f", "half", "zone")


def _groups(values: pl.Series, pattern: str, names: tuple[str, ...]) -> pl.DataFrame:
    return values.str.extract_groups(pattern).struct.rename_fields(list(names)).struct.unnest()


def _assembled(times: _Times, groups: pl.DataFrame) -> None:
    """Groups y m d h min s f half zone (absent ones are midnight, civil) → times; impossible dates stay open."""
    groups = groups.with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in ("f", "half", "zone") if name not in groups.columns
    )
    padded = [pl.col(name).fill_null("0").str.zfill(2) for name in ("h", "min", "s")]
    date = pl.concat_str("y", pl.col("m").str.zfill(2), pl.col("d").str.zfill(2), separator="-")
    text = pl.concat_str(date, pl.concat_str(*padded, separator=":"), separator=" ")
    micros = pl.col("f").fill_null("0").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64)
    hour = pl.col("h").cast(pl.Int64)
    half = (
        pl.when((pl.col("half") == "PM") & (hour < 12)).then(12)
        .when((pl.col("half") == "AM") & (hour == 12)).then(-12)
        .otherwise(0)
    )  # fmt: skip
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    digits = pl.col("zone").str.replace_all(r"[^0-9]", "")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(2, 2).cast(
        pl.Int64, strict=False
    )
    wall = text.str.to_datetime(_USUAL, time_unit="us", strict=False) + pl.duration(microseconds=micros, hours=half)
    read = groups.select(
        pl.when(pl.col("zone").is_null()).then(wall).alias("civil"),
        pl.when(pl.col("zone").is_not_null()).then(wall - pl.duration(minutes=(sign * minutes).fill_null(0)))
        .alias("instant"),
    )  # fmt: skip
    open_rows = times.open
    times.civil = times.civil.zip_with(~open_rows, read["civil"])
    times.instant = times.instant.zip_with(~open_rows, read["instant"])
