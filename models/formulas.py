"""Formula injection: text that a spreadsheet would run as a formula gets an apostrophe in front.

The rule is OWASP ASVS 5.0 item 1.2.10 (a leading ``'`` for ``= + - @``, tab and NUL), widened by carriage return, line
feed, the look-alikes that NFKC turns into those signs (``＝ ＋ － ＠`` and the small, raised and lowered forms), and by
blanks and invisible characters before the sign, which spreadsheets skip. Only text can be a formula: a column of
numbers or dates is left alone, so a negative amount stays a number.
"""

import polars as pl

GUARD = "'"

# Every code point whose NFKC form begins with one of = + - @; a test compares this with Unicode's own table.
_SIGNS = (
    r"=\x{207C}\x{208C}\x{2A75}\x{2A76}\x{FE66}\x{FF1D}"
    r"+\x{207A}\x{208A}\x{FB29}\x{FE62}\x{FF0B}"
    r"\-\x{FE63}\x{FF0D}"
    r"@\x{FE6B}\x{FF20}"
)
# White space, control characters (Cc) and format characters (Cf: zero-width, direction and byte order marks).
_SKIPPED = r"\s\p{Cc}\p{Cf}"
# Leading apostrophes count, so that a value that came with one is guarded again and the inverse is exact.
_DANGEROUS = rf"^'*(?:[\t\r\n\x00]|[{_SKIPPED}]*[{_SIGNS}])"
_GUARDED = rf"^'(?P<value>'*(?:[\t\r\n\x00]|[{_SKIPPED}]*[{_SIGNS}]))"


def neutralised(series: pl.Series) -> pl.Series:
    """A column for a CSV or XLSX file: dangerous text with a leading apostrophe, everything else unchanged.

    Columns that are not text (numbers, dates, booleans) come back as they are. Nulls stay null.
    """
    if isinstance(series.dtype, (pl.Categorical, pl.Enum)):
        series = series.cast(pl.String)
    if series.dtype != pl.String:
        return series
    name = series.name
    value = pl.col(name)
    guarded = pl.when(value.str.contains(_DANGEROUS)).then(pl.lit(GUARD) + value).otherwise(value)
    return series.to_frame().select(guarded.alias(name)).to_series()


def unguarded(series: pl.Series) -> pl.Series:
    """The inverse: ``unguarded(neutralised(x))`` is ``x`` for every text; other columns come back as they are."""
    if series.dtype != pl.String:
        return series
    return series.str.replace(_GUARDED, "${value}")
