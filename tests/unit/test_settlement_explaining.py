"""An amount in words is worked out from the row, and a row that does not add up is not explained away."""

from dataclasses import asdict
from datetime import date, datetime

import pytest

from models.documents.settlement import SettlementDocument
from models.settlement.evaluate import Entry, Place, Refund, Sale, settle_line
from models.settlement.explaining import ExplanationError, explain
from models.settlement.explaining_fx import explain_conversion
from models.settlement.rules import rules_of

RULES = rules_of(
    SettlementDocument.parse(
        "{name: n, default: {id: base, components: [{role: hq, share: 12.5%}, {role: agent, share: 3.33%},"
        " {role: store, residual: true}]}}",
        name="n",
    )
)
SHOP = Place("S1", "华东", "franchise", "retail")


def entries() -> list[Entry]:
    refund = Refund("R1", "O", SHOP, 20500, "CNY", date(2026, 3, 4), datetime(2026, 3, 4))
    return settle_line(Sale("L1", "O", SHOP, 19999, "CNY", date(2026, 3, 2)), [refund], RULES)


def test_a_sale_shows_rate_fraction_and_rounding() -> None:
    text = explain(asdict(entries()[0]))
    assert "199.99 x 12.5% = 24.99875" in text
    assert "24.99\n" in text
    assert "+0.01" in text
    assert text.endswith("amount: 25.00 CNY")


def test_refunds_show_what_remained_and_what_was_above() -> None:
    by_state = {entry.link_state: entry for entry in reversed(entries())}
    linked, excess = by_state["LINKED"], by_state["EXCESS"]
    assert "199.99 x 25.00 / 199.99" in explain(asdict(linked))
    assert explain(asdict(linked)).endswith("amount: -25.00 CNY")
    assert "above what remained of line L1" in explain(asdict(excess))
    assert "5.01 x 12.5%" in explain(asdict(excess))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_entry_is_explained_in_both_languages(language: str) -> None:
    for entry in entries():
        text = explain(asdict(entry), language)
        assert entry.line_id in text
        assert "{" not in text


def test_chinese_reads_chinese() -> None:
    assert "最大余数法" in explain(asdict(entries()[0]), "zh")


@pytest.mark.parametrize("column", ["amount", "floor_amount", "weight"])
def test_a_row_that_does_not_add_up_is_refused(column: str) -> None:
    row = asdict(entries()[0])
    with pytest.raises(ExplanationError, match="SALE:L1:1"):
        explain({**row, column: row[column] + 100_000})


def test_a_converted_amount_names_its_rate_in_both_languages() -> None:
    row = {"currency": "HKD", "settle_currency": "CNY", "rate_id": "CFETS:HKD/CNY:2026-06-18", "rate_e8": 91_850_000}
    row |= {"amount": 25_000, "settled_amount": 22_963}
    assert explain_conversion(row) == (
        "settled in CNY: 250.00 HKD at 0.9185 (CFETS:HKD/CNY:2026-06-18), as its part of the line 229.63"
    )
    assert "0.9185" in explain_conversion(row, "zh")
    assert "no rate" in explain_conversion(row | {"settled_amount": None, "rate_id": None, "rate_e8": None})
