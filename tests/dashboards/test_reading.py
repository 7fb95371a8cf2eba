"""Small readings that a person relies on: amounts in their currency, reasons in words, datasets of a batch."""

import polars as pl

from dashboards import tables
from dashboards.text import Words
from ml import features


def test_amounts_have_the_decimals_of_their_currency():
    """JPY has no cents: 1234 minor units are 1,234 and not 12.34."""
    frame = pl.DataFrame({"currency": ["CNY", "JPY", "KWD", None], "amount": [-1234567, 1234, 1234, 5]})
    assert tables.money(frame, "amount")["amount"].to_list() == ["-12,345.67", "1,234", "1.234", None]


def test_reasons_say_which_way_they_moved_the_risk():
    row = {
        "reason_1": "recency_days", "reason_2": "orders_90", "reason_3": "no_such_code",
        "effect_ppm_1": 693147, "effect_ppm_2": -405465, "effect_ppm_3": None,
    }  # fmt: skip
    assert tables.reasons(row, Words("en"), features.BY_NAME) == (
        "days since the last purchase ↑; orders in 90 days ↓; no_such_code"
    )
    assert tables.reasons(row, Words("zh"), features.BY_NAME).startswith("距上次购买天数 ↑；近90天订单数 ↓")


def test_a_code_without_words_is_shown_as_it_is():
    frame = pl.DataFrame({"kind": ["refund", "tea_ceremony", None]})
    assert tables.in_words(frame, Words("en"), kind="kind")["kind"].to_list() == ["refund", "tea_ceremony", None]
