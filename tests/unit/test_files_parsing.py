"""Cells → values, by the kind of the column: right, or refused with a rule; never changed in silence."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from models.identifiers import masked, masked_all
from pipelines.sources.files.cells import Reading, cleaned, read_boolean, read_currency, read_id
from pipelines.sources.files.numbers import read_amount, read_decimal, read_integer
from pipelines.sources.files.times import read_date, read_timestamp

PRICE = pl.Decimal(18, 6)


def text(*cells: str | None) -> pl.Series:
    return cleaned(pl.Series(cells, dtype=pl.String))


def one(reading: Reading) -> Any:
    """The only value, or the rule that refuses it."""
    typed, problems = reading
    rules = [rule for mask, rule in problems if mask.any()]
    assert len(rules) <= 1
    assert not (rules and typed[0] is not None), "a refused cell must have no value"
    return rules[0] if rules else typed[0]


@pytest.mark.parametrize(
    ("cell", "minor"),
    [
        ("12.5", 1250), ("￥1,299.50", 129950), ("¥ 8", 800), ("1299.50元", 129950), ("CNY 5", 500), ("RMB5", 500),
        ("-0.05", -5), ("(12.50)", -1250), ("+3", 300), (".5", 50), ("007.10", 710), ("１２．３４", 1234),
        ("1.230000", 123), ("9999999999999.99", 999999999999999), ("−5", -500),
    ],
)  # fmt: skip
def test_amounts_are_exact_minor_units(cell: str, minor: int) -> None:
    assert one(read_amount(text(cell), pl.Series(["CNY"]), minor=False, sign=None)) == minor


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("1.005", "decimals"), ("10000000000000.00", "too large"), ("1.299,50", "not a number"),
        ("1,29", "not a number"),
        ("12,34,567", "not a number"), ("1e3", "not a number"), ("12.5.1", "not a number"), ("abc", "not a number"),
        ("$5", "another currency"), ("USD 5", "another currency"), ("--5", "not a number"), ("(-5)", "not a number"),
        ("5%", "not a number"), ("1.2万", "not a number"), ("-", "not a number"), ("99999999999999999999", "too large"),
    ],
)  # fmt: skip
def test_an_amount_that_cannot_be_told_is_refused_and_never_rounded(cell: str, rule: str) -> None:
    assert rule in one(read_amount(text(cell), pl.Series(["CNY"]), minor=False, sign=None))


def test_decimals_go_by_the_currency_of_the_row() -> None:
    cells, currencies = text("100", "1.5", "1.234", "1.234", "7"), pl.Series(["JPY", "JPY", "KWD", "CNY", None])
    typed, problems = read_amount(cells, currencies, minor=False, sign=None)
    assert typed.to_list() == [100, None, 1234, None, None]
    assert sorted(mask.arg_true().to_list() for mask, _ in problems if mask.any()) == [[1], [3]]


def test_fen_and_signs() -> None:
    assert one(read_amount(text("129950"), pl.Series(["CNY"]), minor=True, sign=None)) == 129950
    assert "whole numbers" in one(read_amount(text("1.5"), pl.Series(["CNY"]), minor=True, sign=None))
    assert one(read_amount(text("5"), pl.Series(["CNY"]), minor=False, sign="negate")) == -500
    assert one(read_decimal(text("-5"), PRICE, "absolute")) == 5
    assert one(read_decimal(text("-5.5"), PRICE, "negate")) == Decimal("5.5")


def test_prices_keep_six_decimals_and_no_more() -> None:
    assert one(read_decimal(text("0.001"), PRICE, None)) == Decimal("0.001")
    assert "more than 6 decimals" in one(read_decimal(text("0.1234567"), PRICE, None))
    assert "too large" in one(read_decimal(text("1000000000000"), PRICE, None))
    assert "another currency" in one(read_decimal(text("$5"), PRICE, None, pl.Series(["CNY"])))
    assert one(read_decimal(text("$5"), PRICE, None, pl.Series(["HKD"]))) == 5
    assert "is not a number" in one(read_decimal(text("¥5"), PRICE, None))
    assert one(read_integer(text("5.0"), None)) == 5
    assert "whole" in one(read_integer(text("5.5"), None))


@pytest.mark.parametrize("cell", ["0001", "123456789012345678", "1234567890123456789012", "12E45", "A1E10", "17850.0"])
def test_ids_stay_byte_for_byte(cell: str) -> None:
    assert one(read_id(text(cell))) == cell


@pytest.mark.parametrize("cell", ["1.23E+17", "1.23e17", "1E+11", "1.39E+10"])
def test_ids_whose_digits_are_gone_are_refused(cell: str) -> None:
    assert "scientific notation" in one(read_id(text(cell)))


SHANGHAI = {
    "2026-01-05 09:30:00": datetime(2026, 1, 5, 1, 30),
    "2026-01-05T09:30:00.123456": datetime(2026, 1, 5, 1, 30, 0, 123456),
    "2026-01-05T09:30:00Z": datetime(2026, 1, 5, 9, 30),
    "2026-01-05T09:30:00+09:00": datetime(2026, 1, 5, 0, 30),
    "2026-01-05 09:30:00 -0330": datetime(2026, 1, 5, 13, 0),
    "2026/1/5 9:30": datetime(2026, 1, 5, 1, 30),
    "2026/1/5": datetime(2026, 1, 4, 16, 0),
    "2026年1月5日": datetime(2026, 1, 4, 16, 0),
    "2026年1月5日 9时30分": datetime(2026, 1, 5, 1, 30),
    "2026年1月5日　09：30：05": datetime(2026, 1, 5, 1, 30, 5),
    "2026.1.5 1:30 PM": datetime(2026, 1, 5, 5, 30),
    "2026-01-05 12:30 am": datetime(2026, 1, 4, 16, 30),
    "20260105": datetime(2026, 1, 4, 16, 0),
    "20260105093000": datetime(2026, 1, 5, 1, 30),
    "1767576600": datetime(2026, 1, 5, 1, 30),
    "1767576600123": datetime(2026, 1, 5, 1, 30, 0, 123000),
    "46027": datetime(2026, 1, 4, 16, 0),
    "46027.39583333333": datetime(2026, 1, 5, 1, 30),
    "25/12/2026": datetime(2026, 12, 24, 16, 0),
    "12/25/2026 10:00": datetime(2026, 12, 25, 2, 0),
    "5/5/2026": datetime(2026, 5, 4, 16, 0),
}


@pytest.mark.parametrize("cell", SHANGHAI)
def test_usual_times_become_utc(cell: str) -> None:
    assert one(read_timestamp(text(cell), (), "Asia/Shanghai")) == SHANGHAI[cell]


@pytest.mark.parametrize(
    "cell",
    ["2026-02-30", "2026-13-01", "0000-00-00 00:00:00", "2026-01-05 25:00", "26-1-5", "yesterday", "2026", "1/2"],
)
def test_what_is_no_time_is_refused(cell: str) -> None:
    assert "is not a time" in one(read_timestamp(text(cell), (), "Asia/Shanghai"))


def test_day_and_month_are_told_by_the_column_or_by_the_format_and_never_guessed() -> None:
    assert "tell day from month" in one(read_timestamp(text("3/4/2026"), (), "UTC"))
    assert read_timestamp(text("3/4/2026", "13/4/2026"), (), "UTC")[0][0] == datetime(2026, 4, 3)
    assert read_timestamp(text("3/4/2026", "4/13/2026"), (), "UTC")[0][0] == datetime(2026, 3, 4)
    typed, problems = read_timestamp(text("3/4/2026", "13/4/2026", "4/13/2026"), (), "UTC")
    assert typed.to_list() == [None, datetime(2026, 4, 13), datetime(2026, 4, 13)]
    assert [mask.arg_true().to_list() for mask, rule in problems if mask.any()] == [[0]]
    assert one(read_timestamp(text("3/4/2026"), ("%d/%m/%Y",), "UTC")) == datetime(2026, 4, 3)
    assert "of the form %d/%m/%Y" in one(read_timestamp(text("2026-04-03"), ("%d/%m/%Y",), "UTC"))
    assert one(read_timestamp(text("2026-04-03"), ("%d/%m/%Y", "auto"), "UTC")) == datetime(2026, 4, 3)
    assert one(read_timestamp(text("03/04/2026 10:00 +0800"), ("%d/%m/%Y %H:%M %z",), "UTC")) == datetime(2026, 4, 3, 2)


def test_the_hour_that_comes_twice_is_its_first_and_the_missing_hour_is_refused() -> None:
    assert one(read_timestamp(text("2011-10-30 01:30"), (), "Europe/London")) == datetime(2011, 10, 30, 0, 30)
    assert "clocks went forward" in one(read_timestamp(text("2011-03-27 01:30"), (), "Europe/London"))


def test_dates_are_civil() -> None:
    assert one(read_date(text("1990年1月5日"), (), "Asia/Shanghai")) == date(1990, 1, 5)
    assert one(read_date(text("2026-01-05T20:00:00Z"), (), "Asia/Shanghai")) == date(2026, 1, 6)
    assert "lies outside" in one(read_date(text("1890-01-05"), (), "Asia/Shanghai"))


def test_small_kinds() -> None:
    assert read_currency(text("rmb", "£", "usd", "人民币"))[0].to_list() == ["CNY", "GBP", "USD", "CNY"]
    assert read_boolean(text("是", "NO", "1"))[0].to_list() == [True, False, True]
    assert one(read_boolean(text("perhaps"))) == "is not yes or no"


def test_cleaning() -> None:
    cells = pl.Series(["'=1", "'+86", "it's", '="0012"', " \u3000", "＝1", "👨\u200d👩\u200d👧", None])
    kept = cleaned(cells, keep_joiners=True).to_list()
    assert kept == ["=1", "+86", "it's", "0012", None, "=1", "👨\u200d👩\u200d👧", None]


def test_masks_show_enough_to_recognise_and_not_enough_to_know() -> None:
    values = ["", "1", "12", "123", "123456", "1234567", "123456789", "+8613800001111", "张三", None]
    shown = pl.Series(values).alias("v").to_frame().select(masked_all(pl.col("v"))).to_series().to_list()
    assert shown == [masked(value) for value in values]
    assert masked("+8613800001111") == "+86138****1111"
    assert masked("张三") == "张*" and masked("1") == "*"
