"""The page Value: no profit looks complete that is not, nothing unknown reads as zero, two currencies never meet."""

import re

import pytest

from dashboards import access
from tests.dashboards.conftest import MANAGER


def _figures(at):
    return {metric.label: metric.value for metric in at.metric}


def _table(at, column):
    return next(table.value for table in at.dataframe if column in table.value)


def test_a_contribution_says_how_much_of_its_cost_is_known(app):
    at = app("value", "en")
    figures = _figures(at)
    assert "Contribution CNY, partial" in figures
    known = float(figures["Cost known"].rstrip("%"))
    assert 60 < known < 90
    assert any(f"{known:.1f}%" in warning.value and "upper limit" in warning.value for warning in at.warning)
    (absent,) = [caption.value for caption in at.caption if "Unknown is not zero" in caption.value]
    assert "Fees" in absent and "Shipping" in absent and "Commission" not in absent


def test_without_any_cost_no_profit_is_shown(app):
    """The shop in dollars has no costs: every contribution there would be a sale that cost nothing."""
    at = app("value", "en")
    at.segmented_control(key="value_currency").set_value("HKD").run()
    assert not at.exception
    assert not [label for label in _figures(at) if label.startswith("Contribution")]
    assert any("no profit is shown" in warning.value for warning in at.warning)
    parts = _table(at, "part")
    assert parts["contribution"].isna().all() and "cost_amount" not in parts
    assert all(metric.label != "Net sales CNY" for metric in at.metric)


@pytest.mark.parametrize("dimension", ["channel", "store", "product"])
def test_the_parts_add_up_to_the_whole(app, dimension):
    at = app("value", "en")
    at.segmented_control(key="value_dimension").set_value(dimension).run()
    assert not at.exception
    net = re.sub(r"[^\d.-]", "", _figures(at)["Net sales CNY"])
    assert f"{_table(at, 'part')['net'].sum():.2f}" == net


def test_a_month_and_a_store_can_be_chosen(app):
    at = app("value", "en")
    whole = _figures(at)["Net sales CNY"]
    at.selectbox(key="value_store").set_value("S01").run()
    one = _figures(at)["Net sales CNY"]
    last = at.selectbox(key="value_last").value
    at.selectbox(key=f"value_first_{last}").set_value(last).run()
    assert not at.exception
    assert len({whole, one, _figures(at)["Net sales CNY"]}) == 3


def test_segments_carry_the_documents_names_and_hold_everybody(app):
    chinese, english = (_table(app("value", language), "share") for language in ("zh", "en"))
    assert set(chinese["name"]) <= {"重要价值客户", "已流失", "久未购买"}
    assert set(english["name"]) <= {"Champions", "Lost", "Long gone"}
    assert round(english["share"].sum(), 6) == 100


def test_the_grid_can_show_money(app):
    at = app("value", "en")
    charts = len(at.get("vega_lite_chart"))
    at.segmented_control(key="value_shown").set_value("net").run()
    assert not at.exception
    assert len(at.get("vega_lite_chart")) == charts == 2


def test_amounts_that_stand_at_no_line_are_told_to_the_whole_company_only(app, monkeypatch):
    gaps = _table(app("value", "en"), "reason")
    assert set(gaps["reason"]) == {"no exchange rate of the day", "order not known"}
    monkeypatch.setattr(access, "current_viewer", lambda: MANAGER)
    assert not [table for table in app("value", "en").dataframe if "reason" in table.value]


@pytest.mark.parametrize(("language", "words"), [("en", "cost known of"), ("zh", "成本已知部分占")])
def test_the_customers_page_has_one_line_of_value(app, language, words):
    at = app("customers", language, customer="C000000")
    (line,) = [text.value for text in at.text if words in text.value]
    assert "CNY" in line and ("Champions" in line or "重要价值客户" in line)
