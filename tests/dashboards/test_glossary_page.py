"""The glossary's page: every figure of the place and period that are chosen, none that is out of scope."""

from dashboards import access
from tests.dashboards.conftest import MANAGER, NOWHERE


def _glossary(at):
    (table,) = [table.value for table in at.dataframe if "meaning" in table.value]
    return {row["name"]: row for row in table.to_dict("records")}


def test_the_glossary_tells_each_figure_of_the_place_and_period_that_are_chosen(app):
    at = app("glossary", "en")
    company = _glossary(at)
    assert company["Sales"]["value"].startswith("CNY ") and "; HKD " in company["Sales"]["value"]
    assert company["Customers"]["value"] == "30"
    assert company["WeCom contacts standing"]["value"] == "10", "a stock holds since the day on which it changed"
    at.selectbox(key="glossary_place").set_value(("store", "S03")).run()
    store = _glossary(at)
    assert store["Sales"]["value"].startswith("HKD ")
    assert store["Customers"]["value"] == "-", "known of the whole company only"
    at.selectbox(key="glossary_period").set_value("day").run()
    assert _glossary(at)["Sales"]["value"] != store["Sales"]["value"]
    at.text_input(key="glossary_search").set_value("复购").run()
    assert set(_glossary(at)) == {"Returning buyers", "Repurchase rate"}, "found by the other language too"
    at.text_input(key="glossary_search").set_value("nothing of the kind").run()
    assert not at.dataframe and [info.value for info in at.info] == ["No figure matches; try another word."]


def test_the_glossary_of_a_store_manager_has_no_figure_of_the_company(app, monkeypatch):
    monkeypatch.setattr(access, "current_viewer", lambda: MANAGER)
    at = app("glossary", "en")
    assert at.selectbox(key="glossary_place").options == ["Region: 华东", "Store: 上海南京路店"]  # all of it
    assert _glossary(at)["Sales"]["value"].startswith("CNY ")
    monkeypatch.setattr(access, "current_viewer", lambda: NOWHERE)
    at = app("glossary", "en")
    assert not at.exception
    assert {row["value"] for row in _glossary(at).values()} == {"-"}


def test_figures_of_pages_say_what_they_mean(app):
    helps = {metric.label: metric.help for metric in app("overview", "en").metric}
    assert "Refunds are not taken off" in helps["Revenue CNY"]
    assert "sales ÷ orders" in helps["Average order CNY"]
    assert "at least one line was sold" in helps["Orders, 30 days"]
    assert "客单" not in helps["Average order CNY"]
    assert "退款额 ÷ 销售额" in {m.label: m.help for m in app("overview", "zh").metric}["退款占比 CNY"]
