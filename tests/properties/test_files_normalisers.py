"""Normalisers on any input: a second pass changes nothing, spellings of one value meet, money is never bent."""

import unicodedata
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.identifiers import clean_text, masked, phone_e164, phones_e164
from models.money import display, exponent, minor_units
from pipelines.sources.files.cells import cleaned, read_id
from pipelines.sources.files.handing_back import safe_to_open
from pipelines.sources.files.numbers import read_amount

ANY_TEXT = st.text(max_size=30)
NOISE = st.sampled_from(["", " ", "-", "\u200b", "\u202d", "\u00a0", "\ufeff", "　"])
CURRENCIES = st.sampled_from(["CNY", "JPY", "KWD", "GBP"])


def clean(cells: list[str], *, keep_joiners: bool = False) -> list[str | None]:
    found: list[str | None] = cleaned(pl.Series(cells, dtype=pl.String), keep_joiners=keep_joiners).to_list()
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY_TEXT, min_size=1, max_size=5), st.booleans())
def test_cleaning_twice_changes_nothing(cells: list[str], keep: bool) -> None:
    once = clean(cells, keep_joiners=keep)
    guarded = [cell for cell in once if cell and cell[0] in "'="]  # taking off one guard may bare another
    if not guarded:
        assert clean([cell or "" for cell in once], keep_joiners=keep) == once
    assert all(cell is None or cell == cell.strip(" \t\r\n\u3000") for cell in once)


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_clean_text_twice_changes_nothing(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@settings(max_examples=200, deadline=None)
@given(st.integers(min_value=13_000_000_000, max_value=19_999_999_999), st.lists(NOISE, min_size=11, max_size=11))
def test_every_spelling_of_a_mobile_is_one_number(number: int, noise: list[str]) -> None:
    digits = str(number)
    spelled = "".join(mark + digit for mark, digit in zip(noise, digits, strict=True)).lstrip("-")
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in digits)
    spellings = [digits, f"+86{digits}", f"0086{digits}", f"86 {digits}", spelled, wide]
    found = phones_e164(cleaned(pl.Series(spellings)), "CN").to_list()
    assert found == [f"+86{digits}"] * len(spellings)
    assert phone_e164(f"+86{digits}") in (f"+86{digits}", None)  # the slow road may know that a prefix is unused
    assert digits not in (masked(found[0]) or "")


@settings(max_examples=200, deadline=None)
@given(st.lists(ANY_TEXT, min_size=1, max_size=5))
def test_phones_of_any_text_are_stable_and_e164_or_nothing(cells: list[str]) -> None:
    once = phones_e164(cleaned(pl.Series(cells, dtype=pl.String)), "CN")
    assert phones_e164(once, "CN").to_list() == once.to_list()
    assert all(phone is None or (phone[0] == "+" and phone[1:].isdigit()) for phone in once.to_list())


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=-(10**15) + 1, max_value=10**15 - 1), CURRENCIES, st.booleans())
def test_an_amount_written_and_read_is_the_same_to_the_last_unit(minor: int, currency: str, plain: bool) -> None:
    written = display(minor, currency)
    cell = written.replace(",", "") if plain else f" {written} "
    wide = "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in cell)
    values = cleaned(pl.Series([cell, wide]))
    typed, problems = read_amount(values, pl.Series([currency] * 2), minor=False, sign=None)
    assert typed.to_list() == [minor, minor]
    assert not any(mask.any() for mask, _ in problems)


def test_minor_units_of_a_column_are_those_of_each_currency() -> None:
    codes = ["CNY", "JPY", "KWD", "GBP", None]
    found = pl.Series("c", codes).to_frame().select(minor_units(pl.col("c"))).to_series()
    assert found.to_list() == [10 ** exponent(code) if code else None for code in codes]


@settings(max_examples=300, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**9), max_value=10**9), CURRENCIES)
def test_an_amount_is_exact_or_refused(amount: Decimal, currency: str) -> None:
    typed, problems = read_amount(pl.Series([f"{amount:f}"]), pl.Series([currency]), minor=False, sign=None)
    exact = amount.scaleb(exponent(currency))
    refused = any(mask.any() for mask, _ in problems)
    assert refused == (exact != exact.to_integral_value())
    assert typed[0] == (None if refused else int(exact))


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_an_id_is_its_text_or_nothing(cell: str) -> None:
    values = cleaned(pl.Series([cell]))
    typed, problems = read_id(values)
    assert typed[0] == (None if any(mask.any() for mask, _ in problems) else values[0])


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="=+-@＝＋－＠'\t\r\n 1aé\u200b,.", max_size=8))
def test_what_is_handed_back_runs_nowhere_and_reads_as_before(cell: str) -> None:
    safe = safe_to_open(pl.Series([cell]))[0]
    if safe and unicodedata.normalize("NFKC", safe.lstrip())[:1] in ("=", "+", "-", "@"):
        assert safe == cell and float(safe.replace(",", "")) <= 0, "only a plain negative number may begin with a sign"
    assert clean([safe]) == clean([cell])
