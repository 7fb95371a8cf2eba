"""Formula injection: what gets an apostrophe, and that it comes off again."""

import unicodedata
from datetime import date

import polars as pl

from models.formulas import neutralised, unguarded

# What a person can have typed into a name: (value, must be guarded).
CANARIES = (
    ("=1+1", True),
    ("=cmd|' /C calc'!A0", True),
    ('=HYPERLINK("http://evil.test","x")', True),
    ("+1+1", True),
    ("-1+1", True),
    ("@SUM(1)", True),
    ("\t=1", True),
    ("\r=1", True),
    ("\n=1", True),
    (" =1+1", True),
    ("\u3000=1", True),
    ("\u200b=1", True),
    ("\ufeff=1", True),
    ("＝1+1", True),
    (" ＋1", True),
    ("－1", True),
    ("＠x", True),
    ("\ufe66\u0031", True),
    ("'=1+1", True),
    ("{=1+1}", False),
    ("王=小明", False),
    ('O\'Neil, "Jim"\r\nJr', False),
    ("'quoted'", False),
    ("007", False),
    ("http://evil.test", False),
)


def test_every_sign_that_unicode_turns_into_one_is_guarded() -> None:
    """Against Unicode's own table, all of it: what NFKC makes of the first character decides."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    guarded = neutralised(pl.Series(characters)) != pl.Series(characters)
    expected = [unicodedata.normalize("NFKC", c)[:1] in {*"=+-@\t\r\n\0"} for c in characters]
    assert [c for c, got, wanted in zip(characters, guarded, expected, strict=True) if got != wanted] == []


def test_guarding_is_undone_exactly_and_leaves_numbers_alone() -> None:
    values = pl.Series("name", [value for value, _ in CANARIES] + ["''=1", "", None])
    assert unguarded(neutralised(values)).equals(values)
    assert neutralised(neutralised(values)).equals(neutralised(values)) is False  # a second guard can be undone too
    assert unguarded(unguarded(neutralised(neutralised(values)))).equals(values)
    for numbers in (pl.Series("n", [-5, None]), pl.Series("d", [date(2026, 1, 1)]), pl.Series("b", [True])):
        assert neutralised(numbers).equals(numbers)
        assert unguarded(numbers).equals(numbers)
