"""The page of reach and friends, and the tags of one customer: what they count, in which words, and for whom."""

import pytest

from dashboards import access
from tests.dashboards.conftest import MANAGER


def test_reach_tells_by_purpose_who_can_be_reached_and_why_not(app):
    at = app("reach", "en")
    figures = {metric.label: metric.value for metric in at.metric}
    sms = next(label for label in figures if label.startswith("SMS"))
    assert figures["e-mail · 0%"] == "0"
    assert int(figures[sms]) < 30
    (why,) = [table.value for table in at.dataframe if {"reason", "channel"} <= set(table.value)]
    assert set(why["reason"]) == {"nothing to address them by", "withdrawn"}
    at.segmented_control(key="reach_purpose").set_value("service").run()
    assert not at.exception
    assert {metric.label: metric.value for metric in at.metric}["SMS · 100%"] == "30"


def test_reach_counts_lost_friends_by_cause_and_employee_and_groups_by_silence(app):
    at = app("reach", "en")
    (staff,) = [table.value for table in at.dataframe if "losses" in table.value]
    causes = ["deleted_by_customer", "deleted_by_staff", "handed_over", "staff_left", "unknown"]
    assert staff["losses"].sum() == 8
    assert (staff[causes].sum(axis=1) == staff["losses"]).all()
    figures = {metric.label: metric.value for metric in at.metric}
    assert (
        sum(int(figures[label]) for label in ("deleted by the customer", "deleted by staff", "handed over"))
        + sum(int(figures[label]) for label in ("staff left", "unknown"))
        == 8
    )
    (groups,) = [table.value for table in at.dataframe if "silent" in table.value]
    assert set(groups["silent"]) == {75.0}
    (tags,) = [table.value for table in at.dataframe if "tag_key" in table.value]
    # who lost it is not counted
    assert dict(zip(tags["tag_key"], tags["customers"], strict=True)) == {"repeat_buyer": 10, "et1": 3}


@pytest.mark.parametrize(("language", "name"), [("zh", "复购客户"), ("en", "Repeat buyer")])
def test_a_tag_tells_why_to_who_sees_the_whole_company(app, monkeypatch, language, name):
    def tags():
        at = app("customers", language, customer="C000000")
        assert not at.exception
        return next(table.value for table in at.dataframe if "tag_group" in table.value).set_index("name")

    reason = tags().loc[name, "reason"]
    assert reason == {"zh": "订单数：3", "en": "number of orders: 3"}[language]
    monkeypatch.setattr(access, "current_viewer", lambda: MANAGER)
    assert tags().loc[name, "reason"] == ""


def test_a_manager_of_one_store_sees_no_other_stores_losses_groups_or_tags(app, monkeypatch):
    monkeypatch.setattr(access, "current_viewer", lambda: MANAGER)
    at = app("reach", "en")
    assert not at.exception
    told = "\n".join(table.value.to_csv() for table in at.dataframe)
    assert "S01" in told or "上海南京路店" in told
    assert not [name for name in ("S02", "S03", "u02", "u03", "广州天河店", "香港铜锣湾店", "导购02") if name in told]
