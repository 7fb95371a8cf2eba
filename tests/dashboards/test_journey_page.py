"""The journey page: stages by their own names, figures of a store, what a manager may not see."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.serving import Snapshots, Viewer
from tests.dashboards.test_people_pages import APP, is_refused
from tests.factories_snapshot import build_snapshot

OWNER = Viewer.owner_of_the_company()
MANAGER = Viewer("manager", "", frozenset({"store_manager"}), frozenset({"S01"}))
REGION = Viewer("region", "", frozenset({"region_manager"}), frozenset({"S01", "S02"}))
STORES = {"上海南京路店": "S01", "广州天河店": "S02", "香港铜锣湾店": "S03"}
Opened = Callable[..., AppTest]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("journeys")
    build_snapshot(home / "published")
    return home


@pytest.fixture(scope="module")
def entries(home: Path) -> pl.DataFrame:
    return Snapshots(home / "published").current().query("select * from journey_entries", {})


@pytest.fixture
def opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    monkeypatch.setenv("SCRM_HOME", str(home))

    def page(viewer: Viewer = OWNER, language: str = "en") -> AppTest:
        monkeypatch.setattr(access, "current_viewer", lambda: viewer)
        at = AppTest.from_file(APP, default_timeout=60)
        at.query_params["language"] = language
        at.run()
        at.switch_page("app_pages/journey.py")
        return at.run()

    yield page
    for cached in (data.settings, data.snapshots, data._answer):
        cached.clear()


def table(at: AppTest, column: str) -> list[dict[str, object]]:
    return next(one.value for one in at.dataframe if column in one.value.columns).to_dict("records")


def test_stages_have_the_names_of_the_document(opened):
    at = opened()
    assert not at.exception
    assert [row["stage"] for row in table(at, "present_count")][:3] == ["Stranger", "Contact", "First order"]
    assert {row["next_stage"] for row in table(at, "mean_days")} >= {"Repurchase", "Still there"}
    chinese = opened(language="zh")
    assert [row["stage"] for row in table(chinese, "present_count")][:3] == ["访客", "好友", "首单"]
    assert {row["waits_for"] for row in table(chinese, "waits_for")} <= {"我们", "客户"}


def test_a_store_shows_the_stays_that_began_there(opened, entries):
    at = opened()
    at.segmented_control(key="journey_days").set_value(365).run()
    everywhere = {row["stage"]: row for row in table(at, "present_count")}
    counted = dict(entries.group_by("stage").len().iter_rows())
    assert everywhere["First order"]["entered_count"] == counted["first_order"]
    box = at.selectbox(key="journey_store")
    box.select_index(1).run()
    assert not at.exception
    here = {row["stage"]: row for row in table(at, "present_count")}
    mine = entries.filter(pl.col("store_id") == STORES[box.options[1]])
    first = mine.filter(pl.col("stage") == "first_order")
    assert here["First order"]["entered_count"] == first.height < counted["first_order"]
    went_on = first["next_stage"].is_in(["repurchase"]).mean()
    assert here["First order"]["moved_count"] == pytest.approx(100 * went_on)
    assert here["Repurchase"]["present_count"] == mine.filter(stage="repurchase")["left_at"].null_count()


def test_a_manager_sees_one_store_and_nothing_of_the_company(opened):
    at = opened(MANAGER)
    assert not at.exception
    assert len(at.selectbox(key="journey_store").options) == 2
    told = [str(row["place"]) for column in ("value", "excess_seconds") for row in table(at, column)]
    assert told and set(told) == {"上海南京路店"}
    owner = opened()
    assert {row["place"] for row in table(owner, "value")} == {"The company", "上海南京路店", "广州天河店"}
    assert {row["place"] for row in table(owner, "excess_seconds")} == {"The company"}


def test_stores_of_a_region_are_added_and_the_page_says_so(opened):
    at = opened(REGION)
    captions = [caption.value for caption in at.caption]
    assert any("counts in both" in caption for caption in captions)
    both = sum(row["customers_count"] for row in table(at, "first_amount") if row["currency"] == "CNY")
    one = sum(row["customers_count"] for row in table(opened(MANAGER), "first_amount"))
    assert both > one


def test_a_profile_says_where_the_customer_stands(opened, home, monkeypatch):
    monkeypatch.setattr(access, "current_viewer", lambda: OWNER)
    at = AppTest.from_file(APP, default_timeout=60)
    at.query_params["language"] = "en"
    at.run()
    at.switch_page("app_pages/customers.py")
    at.query_params["customer"] = "C000000"
    at.run()
    assert not at.exception
    (told,) = [text.value for text in at.text if text.value.startswith("Stage:")]
    assert told.startswith("Stage: Dormant since 2026-06-30")
    assert told.endswith("Contact → First order → Repurchase → Dormant")


def test_who_has_not_the_role_is_refused(opened):
    assert is_refused(opened(Viewer("f", "", frozenset({"finance"}), None)))
    nowhere = opened(Viewer("x", "", frozenset({"store_manager"}), frozenset()))
    assert not nowhere.exception
    assert [info.value for info in nowhere.info] == ["There are no journeys yet."]


def test_a_channel_without_buyers_says_so(opened):
    at = opened()
    at.segmented_control(key="journey_channel").set_value("online").run()
    assert not at.exception
    assert "Nobody bought for the first time in this period." in [caption.value for caption in at.caption]
    at.segmented_control(key="journey_channel").set_value("store").run()
    assert len(at.get("vega_lite_chart")) == 2
