"""The timeline on the customer's page: nothing is lost between pages, one subject alone, nothing out of scope told."""

import re

from dashboards import access
from tests.dashboards.conftest import MANAGER


def test_a_timeline_reads_as_sentences_page_by_page(app):
    """Sixty things at one moment, more than a page holds: none is lost between pages, and nothing is read as HTML."""
    at = app("customers", "en", customer="C000005")
    first = [text.value for text in at.text if "Looked at" in text.value]
    assert len(first) == 50
    at.button(key="timeline_older").click().run()
    assert not at.exception
    second = [text.value for text in at.text if "Looked at" in text.value]
    assert len({*first, *second}) == 62, "two of all, sixty of this customer"
    at.button(key="timeline_newer").click().run()
    assert [text.value for text in at.text if "Looked at" in text.value] == first


def test_a_timeline_of_one_subject(app):
    at = app("customers", "zh", customer="C000000")
    everything = [text.value for text in at.text if re.match(r"\d\d:\d\d", text.value)]
    assert any("购买了“<b>茶</b>”等，另有 2 项 · CNY" in text for text in everything)
    at.pills(key="timeline_subject").set_value("community").run()
    told = [text.value for text in at.text if re.match(r"\d\d:\d\d", text.value)]
    assert len(told) == 1 < len(everything)
    assert "加入了客户群“广州天河店 会员群”" in told[0]


def test_a_group_named_after_a_store_is_not_told_out_of_its_scope(app, monkeypatch):
    monkeypatch.setattr(access, "current_viewer", lambda: MANAGER)
    at = app("customers", "zh", customer="C000000")
    assert any("加入了客户群" in text.value for text in at.text)
    assert not any("广州天河店" in text.value for text in at.text)
