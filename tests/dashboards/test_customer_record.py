"""The customer's record on the page: each field with its origin, own fields of the company, in scope, bilingual."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.serving import Viewer

APP = Path(__file__).parents[2] / "dashboards" / "streamlit_app.py"
OWNER = Viewer.owner_of_the_company()
MANAGER = Viewer("manager", "", frozenset({"store_manager"}), frozenset({"S02"}), sees_personal=True)
ANALYST = Viewer("analyst", "", frozenset({"analyst"}), None, sees_personal=False)


@pytest.fixture
def record(home: Path, monkeypatch: pytest.MonkeyPatch):
    """``record(viewer, customer, language)``: the page of a customer as the viewer sees it."""
    monkeypatch.setenv("SCRM_HOME", str(home))

    def opened(viewer: Viewer, customer: str, language: str = "en") -> AppTest:
        monkeypatch.setattr(access, "current_viewer", lambda: viewer)
        at = AppTest.from_file(APP, default_timeout=30)
        at.query_params["language"] = language
        at.run()
        at.switch_page("app_pages/customers.py")
        at.query_params["customer"] = customer
        at.run()
        assert not at.exception
        return at

    yield opened
    for cached in (data.settings, data.snapshots, data._answer):
        cached.clear()


def table(at: AppTest, column: str) -> list[dict[str, object]]:
    (found,) = [table.value for table in at.dataframe if column in table.value]
    return [
        {name: None if value != value else value for name, value in row.items()} for row in found.to_dict("records")
    ]


def test_each_field_tells_where_it_comes_from_and_what_came_second(record):
    rows = {row["label"]: row for row in table(record(OWNER, "C000001"), "decided_by")}
    phone = rows["phone"]
    assert (phone["value"], phone["runner_up_value"]) == ("+8613800000001", "+8613900000001")
    assert (phone["decided_by"], phone["source"], phone["runner_up_source"]) == (
        "verified by staff",
        "customers",
        "orders",
    )
    assert phone["is_verified"] and phone["record_id"] == "customers:S02:rec:C000001"
    assert rows["home store"]["value"] == "广州天河店", "a store is told by its name"
    assert rows["gender"]["value"] == "male" and rows["gender"]["decided_by"] == "nobody says otherwise"
    chinese = {row["label"]: row for row in table(record(OWNER, "C000001", "zh"), "decided_by")}
    assert (chinese["手机号"]["decided_by"], chinese["性别"]["value"]) == ("员工核实过", "男")


def test_a_field_of_the_companys_own_stands_on_the_card_in_the_language_of_the_page(record):
    for language, label, value in (("en", "Skin type", "Dry"), ("zh", "肤质", "干性")):
        at = record(OWNER, "C000003", language)
        assert label in [element.value for element in at.caption]
        assert value in [element.value for element in at.text]
        assert value in {row["value"] for row in table(at, "decided_by")}
    assert "Skin type" not in [element.value for element in record(OWNER, "C000001").caption]


def test_a_store_does_not_see_what_another_store_knows(record):
    at = record(MANAGER, "C000001")
    (phone,) = [row for row in table(at, "decided_by") if row["label"] == "phone"]
    assert phone["value"] == "+8613800000001"
    assert not phone["runner_up_value"] and not phone["runner_up_source"] and not phone["decided_by"]
    assert [row["value"] for row in table(at, "is_primary") if row["kind"] == "phone"] == ["+8613800000001"]
    assert len([row for row in table(record(OWNER, "C000001"), "is_primary") if row["kind"] == "phone"]) == 2


def test_who_may_not_see_personal_values_sees_their_origin_and_not_them(record):
    rows = {row["label"]: row for row in table(record(ANALYST, "C000001"), "decided_by")}
    assert rows["phone"]["value"] == "+86138****0001" and rows["phone"]["runner_up_value"] == "+86139****0001"
    assert not rows["date of birth"]["value"], "a date masked in part is a date told in part"
    assert (rows["city"]["value"], rows["home store"]["value"]) == ("广州", "广州天河店")
    assert "S02:rec" not in rows["phone"]["record_id"]
