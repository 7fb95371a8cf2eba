"""Small readings that a person relies on: amounts in their currency, reasons in words, datasets of a batch."""

from decimal import Decimal

import polars as pl

from dashboards import tables
from dashboards.text import Words
from ml import features


def test_amounts_are_exact_numbers_in_their_currency():
    """JPY has no cents: 1234 minor units are 1234 and not 12.34. Nothing passes through a float."""
    frame = pl.DataFrame({"currency": ["CNY", "JPY", "KWD", None], "amount": [-900719925474099312, 1234, 1234, 5]})
    amounts = tables.money(frame, "amount")["amount"]
    assert amounts.to_list() == [Decimal("-9007199254740993.12"), Decimal(1234), Decimal("1.234"), None]
    assert amounts.dtype == pl.Decimal(38, 3)


def test_an_estimate_is_never_certain():
    assert [tables.probability(ppm) for ppm in (999_999, 1_000_000, 745_999, 0)] == [99.9, 99.9, 74.5, 0.0]


def test_reasons_are_words_in_the_order_of_their_weight():
    row = {"reason_1": "recency_days", "reason_2": "no_such_code", "reason_3": None}
    assert tables.reasons(row, Words("en"), features.BY_NAME) == "days since the last purchase; no_such_code"
    assert tables.reasons(row, Words("zh"), features.BY_NAME) == "距上次购买天数；no_such_code"


def test_a_code_without_words_is_shown_as_it_is():
    frame = pl.DataFrame({"kind": ["refund", "tea_ceremony", None]})
    assert tables.in_words(frame, Words("en"), kind="kind")["kind"].to_list() == ["refund", "tea_ceremony", None]
