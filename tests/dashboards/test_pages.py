"""Every page in both languages, for the owner and for one store; what is said when there is nothing to show."""

import itertools
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.serving import NotAllowedError, Viewer
from models.serving.pointer import CURRENT
from models.store import Store
from tests.dashboards.conftest import MANAGER, NOWHERE, OWNER
from tests.factories_snapshot import BUSINESS_DATE, HOSTILE_NAME, build_snapshot

pytestmark = pytest.mark.usefixtures("fresh")

PAGES = (
    *("overview", "customers", "journey", "identity", "identity_review", "value", "reach", "settlement"),
    *("statements", "at_risk", "glossary", "quality"),
)
LANGUAGES = ("zh", "en")
TITLES = {
    "zh": (
        "总览",
        "客户",
        "客户旅程",
        "身份图谱",
        "待审核",
        "价值",
        "触达与好友",
        "结算",
        "结算单",
        "流失风险",
        "指标词典",
        "数据",
    ),
    "en": (
        *("Overview", "Customers", "Journey", "Who is who", "Review", "Value", "Reach and friends"),
        *("Settlement", "Statements", "At risk", "Glossary", "Data"),
    ),
}


def _shown(at: AppTest) -> str:
    """All the text of a page: words, figures, and every cell of its tables."""
    kinds = (at.title, at.subheader, at.caption, at.markdown, at.text, at.info, at.warning, at.error)
    texts = [str(element.value) for kind in kinds for element in kind]
    texts += [f"{metric.label} {metric.value} {metric.delta}" for metric in at.metric]
    texts += [str(option) for box in at.selectbox for option in box.options]
    texts += [table.value.to_csv() for table in at.dataframe]
    return "\n".join(texts)


@pytest.mark.parametrize(("page", "language"), itertools.product(PAGES, LANGUAGES))
def test_page_shows_figures_in_its_language(app, page, language):
    at = app(page, language)
    assert not at.exception
    assert [title.value for title in at.title] == [TITLES[language][PAGES.index(page)]]
    assert len(at.dataframe) >= 1
    assert all(table.value.shape[0] > 0 for table in at.dataframe)


def test_each_source_tells_what_it_brought_and_when(app, monkeypatch):
    """A batch that only moved a position counts as the newest one, not as data; files are no source."""

    def of_sources(at):
        return [table.value for table in at.dataframe if "known_before" in table.value]

    (found,) = of_sources(app("quality", "en"))
    assert found.to_dict("records") == [
        {
            **{"system": "Taobao and Tmall", "account": "S021", "stream": "trades", "landed_at": "2026-06-30 03:00"},
            **{"landed": 20, "quarantined": 1, "known_before": 10, "newest_batch": 4},
        },
        {
            **{"system": "WeCom", "account": "corp", "stream": "contacts", "landed_at": "2026-06-30 04:00"},
            **{"landed": 30, "quarantined": 0, "known_before": 0, "newest_batch": 2},
        },
    ]
    (accounting,) = [table.value for table in app("quality", "en").dataframe if "batches" in table.value]
    assert sorted(accounting["dataset"]) == [
        "(nothing new)", "WeCom contacts; WeCom follow-ups", "lines of Taobao trades; Taobao trades", "orders",
    ]  # fmt: skip
    (in_chinese,) = of_sources(app("quality", "zh"))
    assert list(in_chinese["stream"]) == ["订单", "客户与跟进"]
    monkeypatch.setattr(access, "current_viewer", lambda: MANAGER)
    assert of_sources(app("quality", "en")) == []


def test_totals_that_rest_on_a_state_nobody_knows_are_marked(app, monkeypatch):
    """A platform's new word must not pass for a sale, or for no refund, without anybody being told (fault 21)."""

    def marked(at):
        tables = [table.value for table in at.dataframe if "records_count" in table.value]
        return tables, [warning.value for warning in at.warning if "15" in warning.value]

    (table,), (warning,) = marked(app("quality", "en"))
    assert warning.startswith("15 records of platforms are in a state that this version does not know.")
    assert table.to_dict("records") == [
        {"dataset": "Taobao trades", "store_id": "S02", "state": "TRADE_ON_THE_MOON", "records_count": 12},
        {"dataset": "Youzan refunds", "store_id": "S01", "state": "HALF_GIVEN_BACK", "records_count": 3},
    ]
    (_,), (in_chinese,) = marked(app("quality", "zh"))
    assert in_chinese.startswith("有 15 条平台记录")
    monkeypatch.setattr(access, "current_viewer", lambda: MANAGER)
    assert marked(app("quality", "en")) == ([], [])


def test_overview_shows_each_currency_apart(app):
    at = app("overview", "en")
    labels = [metric.label for metric in at.metric]
    assert {"Revenue CNY", "Revenue HKD", "Refunds CNY", "Refunds HKD"} <= set(labels)
    assert len(at.get("vega_lite_chart")) == 2


def test_longer_period_shows_more_orders(app):
    at = app("overview", "en")
    month = next(metric.value for metric in at.metric if metric.label == "Orders, 30 days")
    at.segmented_control(key="overview_days").set_value(365).run()
    assert not at.exception
    year = next(metric.value for metric in at.metric if metric.label == "Orders, 365 days")
    assert int(year) > int(month)


def test_growth_is_told_only_against_days_that_the_company_has_lived(app):
    """The sample's company is 60 days old: thirty days have thirty before them, ninety have not (they grew by 900%)."""
    at = app("overview", "en")
    assert any(metric.delta for metric in at.metric)
    at.segmented_control(key="overview_days").set_value(90).run()
    assert not at.exception
    assert not any(metric.delta for metric in at.metric)


def test_amounts_of_a_table_sort_as_numbers(app):
    """As text, 9.00 came after 10.00."""
    stores = app("overview", "en").dataframe[0].value
    assert list(stores["paid_amount"]) == sorted(stores["paid_amount"], reverse=True)
    assert all(isinstance(amount, Decimal) for amount in stores["paid_amount"])


def test_settlement_of_a_region_is_all_of_that_region(app):
    at = app("settlement", "en")
    box = at.selectbox(key="settlement_region")
    before = [metric.value for metric in at.metric]
    box.set_value(box.options[1]).run()
    assert not at.exception
    assert [metric.value for metric in at.metric] != before
    assert set(next(t.value for t in at.dataframe if "store_name" in t.value)["region"]) == {box.options[1]}


def test_customers_at_risk_of_one_store(app):
    at = app("at_risk", "en")
    box = at.selectbox(key="risk_store")
    box.select_index(1).run()
    assert not at.exception
    listed = at.dataframe[0].value
    assert set(listed["owner_store_name"]) == {box.options[1]}
    assert listed["score"].max() < 100


def test_language_switch_keeps_to_the_session(app):
    at = app("overview", "zh")
    at.segmented_control(key="language_switch").set_value("en").run()
    assert at.title[0].value == "Overview"
    assert at.query_params["language"] == "en"
    at.switch_page("app_pages/quality.py").run()
    assert at.title[0].value == "Data"


@pytest.mark.parametrize("language", LANGUAGES)
def test_profile_tells_the_whole_story(app, language):
    at = app("customers", language, customer="C000000")
    assert not at.exception
    # where from, orders, contact points, owners, tags, channels, lost friends, consents, identifiers
    assert len(at.dataframe) == 9
    assert "C000000" in _shown(at)


def test_search_finds_by_part_of_a_name_and_says_when_nobody_matches(app):
    at = app("customers", "en")
    at.text_input(key="customer_text").set_value("小明").run()
    assert at.dataframe[0].value["name"].str.contains("小明").all()
    at.text_input(key="customer_text").set_value("no such person").run()
    assert at.info[0].value == "No customer matches."


def test_hostile_nickname_is_text_only(app):
    """Fault 54: it is shown whole, and only where nothing is parsed: ``st.text`` and table cells."""
    at = app("customers", "en", customer="C000004")
    assert HOSTILE_NAME in [element.value for element in at.text]
    listed = app("customers", "en")
    assert HOSTILE_NAME in set(listed.dataframe[0].value["name"])
    for page in (at, listed):
        parsed = [*page.markdown, *page.caption, *page.title, *page.subheader, *page.get("html"), *page.info]
        assert not [element for element in parsed if "onerror" in str(element.value)]
        assert not [metric for metric in page.metric if "onerror" in f"{metric.label}{metric.value}"]


@pytest.mark.parametrize("page", PAGES)
def test_manager_of_one_store_sees_nothing_of_another(app, monkeypatch, page):
    """Also when the owner has filled the cache in the same process just before (fault 58)."""
    wide = _shown(app(page, "zh"))
    monkeypatch.setattr(access, "current_viewer", lambda: MANAGER)
    at = app(page, "zh")
    assert not at.exception
    narrow = _shown(at)
    for foreign in ("S02", "S03", "广州天河店", "香港铜锣湾店", "u02", "导购02", "HKD"):
        assert foreign not in narrow, (page, foreign)
    assert narrow != wide


def test_a_linked_customer_out_of_scope_is_as_if_absent(app, monkeypatch):
    monkeypatch.setattr(access, "current_viewer", lambda: NOWHERE)
    at = app("customers", "en", customer="C000001")
    assert "not in your scope" in at.info[0].value
    assert not at.dataframe and not at.text[1:]


def test_settlement_explains_a_line_to_the_cent(app):
    at = app("settlement", "en")
    at.selectbox(key="settlement_store").set_value("S01").run()
    line = at.selectbox(key="settlement_line").options[0]
    at.selectbox(key="settlement_line").select_index(0).run()
    assert not at.exception
    explained = next(element.value for element in at.text if element.value.startswith("Rule standard-2026"))
    base, total = explained.split(" shares ")[1].split(" as below; together ")
    assert total == f"{base}."
    assert base in line


def test_without_data_the_page_says_what_to_do(app, monkeypatch, tmp_path):
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    for page, language in itertools.product(PAGES, LANGUAGES):
        at = app(page, language)
        assert not at.exception
        assert "make demo" in at.markdown[0].value
        assert not at.dataframe and not at.metric


def test_damaged_data_shows_no_figure(app, monkeypatch, tmp_path):
    build_snapshot(tmp_path / "published", customers=3, orders=5)
    (tmp_path / "published" / CURRENT).write_text("{", encoding="utf-8")
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    at = app("overview", "en")
    assert at.subheader[0].value == "The data file is damaged"
    assert not at.metric


def test_a_fall_back_is_told(app, monkeypatch, tmp_path):
    published = tmp_path / "published"
    build_snapshot(published, customers=3, orders=5)
    newer = build_snapshot(published, customers=3, orders=5, publication=2, business_date=BUSINESS_DATE + timedelta(1))
    (published / newer.file).write_bytes(b"damaged")
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    at = app("overview", "en")
    assert "2026-07-01" in at.warning[0].value and "2026-06-30" in at.warning[0].value


def test_a_new_publication_is_seen_on_the_next_rerun(app, monkeypatch, tmp_path):
    """Fault 33: at most one rerun behind, and no figure of the old one stays in a cache."""
    build_snapshot(tmp_path / "published", customers=3, orders=5)
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    at = app("overview", "en")
    assert at.metric[0].value == "3"
    build_snapshot(tmp_path / "published", customers=7, orders=9, publication=2)
    assert at.run().metric[0].value == "7"


def test_a_withdrawn_role_counts_on_the_next_rerun(app, monkeypatch):
    """Fault 57."""
    at = app("overview", "en")
    assert at.metric[0].value == "30"
    monkeypatch.setattr(access, "current_viewer", lambda: NOWHERE)
    assert at.run().metric[0].value == "0"


def test_who_is_signed_out_sees_nothing(app, monkeypatch):
    def denied() -> Viewer:
        raise access.AccessDenied

    monkeypatch.setattr(access, "current_viewer", denied)
    at = app("overview", "en")
    assert at.subheader[0].value == "You are signed out"
    assert not at.metric and not at.dataframe


def test_a_role_that_is_withdrawn_denies_the_next_rerun_and_is_in_the_audit(app, monkeypatch, home):
    """Fault 57: the page stays open, the role goes, and the same answers are still in the cache."""
    finance = Viewer("f1", "", frozenset({"finance"}), None)
    monkeypatch.setattr(access, "current_viewer", lambda: finance)
    at = app("settlement", "en")
    assert at.title[0].value == "Settlement" and at.dataframe
    monkeypatch.setattr(access, "current_viewer", lambda: replace(finance, roles=frozenset({"service_manager"})))
    at.run()
    assert at.subheader[0].value == "Not allowed"
    assert not at.metric and not at.dataframe
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        newest = store.audit.newest(1).row(0, named=True)
    assert (newest["user_id"], newest["action"], newest["object_id"]) == ("f1", "denied", "settlement")


@pytest.mark.slow
def test_two_people_through_the_cache_in_turn_never_share_an_answer(app, monkeypatch):
    """Fault 58, in every order: each sees, after the others, exactly what they see alone."""
    people = (
        OWNER,
        MANAGER,
        replace(MANAGER, sees_personal=True),
        replace(MANAGER, store_ids=frozenset({"S02"})),
        replace(MANAGER, owner_userid="u02"),
    )
    alone = {}
    for viewer in people:
        monkeypatch.setattr(access, "current_viewer", lambda viewer=viewer: viewer)
        data._answer.clear()
        alone[viewer] = _shown(app("customers", "en"))
    assert len(set(alone.values())) == len(people)
    data._answer.clear()
    for viewer in (*people, *reversed(people)):
        monkeypatch.setattr(access, "current_viewer", lambda viewer=viewer: viewer)
        assert _shown(app("customers", "en")) == alone[viewer]


def test_a_role_without_the_right_gets_nothing_from_an_answer_that_another_one_left_in_the_cache(home, monkeypatch):
    monkeypatch.setenv("SCRM_HOME", str(home))
    wide = Viewer("a", "", frozenset({"owner"}), None)
    assert data.reader(wide)("settlement_periods").height > 0
    with pytest.raises(NotAllowedError):
        data.reader(replace(wide, roles=frozenset({"service_manager"})))("settlement_periods")
