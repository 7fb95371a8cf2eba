"""The page Statements: balances that tie, from a party to its entries, from an entry to the line and the rule.

Accidents it prevents: a statement whose entries add up to another amount, two currencies in one card, a store manager
who reads another store's statement, entries of one statement shown under another.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.money import display
from models.serving import Viewer
from tests.dashboards.test_people_pages import APP
from tests.factories_snapshot import build_snapshot

OWNER = Viewer.owner_of_the_company("boss")
MANAGER = replace(OWNER, user_id="m", roles=frozenset({"store_manager"}), store_ids=frozenset({"S01"}))
JUNE = {"period_kind": "month", "period": "2026-06"}
Opened = Callable[..., AppTest]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    build_snapshot(folder / "published")
    return folder


@pytest.fixture
def opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    monkeypatch.setenv("SCRM_HOME", str(home))

    def page(viewer: Viewer = OWNER, language: str = "en") -> AppTest:
        monkeypatch.setattr(access, "current_viewer", lambda: viewer)
        at = AppTest.from_file(APP, default_timeout=60)
        at.query_params["language"] = language
        at.run()
        at.switch_page("app_pages/statements.py")
        return at.run()

    yield page
    for cached in (data.settings, data.snapshots, data._answer, data._store):
        cached.clear()


def rows(at: AppTest, column: str) -> list[dict[str, object]]:
    """The table that has a column."""
    return next(one.value for one in at.dataframe if column in one.value.columns).to_dict("records")


def choose(at: AppTest, key: str, row: int) -> AppTest:
    at.session_state[key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return at.run()


def statement(at: AppTest, party: str, filters: str = "None_None") -> AppTest:
    """Choose the statement of a party, by its number at the end of what is shown."""
    place = next(n for n, row in enumerate(rows(at, "due")) if f"({party})" in str(row["party"]))
    return choose(at, f"statements_table_month_2026-06_{filters}", place)


def cents(amount: object) -> int:
    return int(Decimal(str(amount)) * 100)


@pytest.mark.parametrize(
    ("language", "title", "due", "party"),
    [
        ("en", "Statements", "below the minimum", "headquarters"),
        ("zh", "结算单", "未达起付金额", "总部"),
    ],
)
def test_statements_are_told_in_both_languages_and_tie(opened: Opened, language, title, due, party) -> None:
    at = opened(language=language)
    assert not at.exception
    assert [one.value for one in at.title] == [title]
    shown = rows(at, "due")
    assert due in {row["due"] for row in shown} and party in {row["party"] for row in shown}
    for row in shown:
        plus = cents(row["opening"]) + cents(row["earned"]) + cents(row["adjustments"])
        minus = sum(cents(row[name]) for name in ("clawback", "fee", "tax", "paid"))
        assert plus - minus == cents(row["closing"]) == cents(row["payable"]) + cents(row["carry"])


def test_a_card_for_each_currency_adds_up_its_own_statements(opened: Opened) -> None:
    at = opened()
    shown = rows(at, "due")
    for metric, currency in zip(at.metric, ("CNY", "HKD"), strict=True):
        assert metric.label == f"Payable {currency}"
        total = sum(cents(row["payable"]) for row in shown if row["currency"] == currency)
        assert metric.value == display(total, currency)
    at.selectbox(key="statements_party_kind").set_value("store").run()
    at.selectbox(key="statements_currency").set_value("CNY").run()
    assert not at.exception
    assert sorted(row["party"] for row in rows(at, "due")) == ["上海南京路店 (S01)", "广州天河店 (S02)"]
    assert [metric.label for metric in at.metric] == ["Payable CNY"]


@pytest.mark.parametrize("kind", ["week", "day"])
def test_weeks_and_days_have_statements_too(opened: Opened, kind: str) -> None:
    at = opened()
    at.selectbox(key="statements_kind").set_value(kind).run()
    assert not at.exception
    assert rows(at, "due")


def test_from_a_statement_to_its_entries_to_the_rule(opened: Opened) -> None:
    at = statement(opened(), "S01")
    assert not at.exception
    (row,) = (one for one in rows(at, "due") if "(S01)" in str(one["party"]))
    components = {one["component"]: one for one in rows(at, "entries_count")}
    assert set(components) == {"share of the sale", "commission", "payment"}
    moved = sum(cents(one["amount"]) for one in components.values())
    assert moved == cents(row["closing"]) - cents(row["opening"])
    assert cents(components["payment"]["amount"]) == -cents(row["paid"]) == -100_000
    entries = rows(at, "posted_on")
    assert len(entries) == sum(one["entries_count"] for one in components.values()) == row["lines_count"]
    assert sum(cents(one["amount"]) for one in entries) == moved

    key = "statements_month_2026-06_S01_CNY"
    at.selectbox(key=f"{key}_component").set_value("split").run()
    assert not at.exception
    entries = rows(at, "posted_on")
    assert {one["component"] for one in entries} == {"share of the sale"}
    assert len(entries) == components["share of the sale"]["entries_count"]
    at = choose(at, f"{key}_split_1_entries", 0)
    assert not at.exception
    chosen = entries[0]
    assert any(one.value.startswith("Rule standard-2026") for one in at.text)
    shares = rows(at, "floor_amount")
    (mine,) = (one for one in shares if one["party"] == "上海南京路店 (S01)")
    assert mine["amount"] == chosen["amount"] and cents(mine["amount"]) != 0
    line = data.reader(OWNER)("settlement_explained", posting="SALE", line_id=chosen["line_id"])
    assert sum(cents(one["amount"]) for one in shares) == line["base_amount"][0]


def test_how_a_commission_came_about_is_told_in_words(opened: Opened) -> None:
    at = statement(opened(language="zh"), "S01")
    at.selectbox(key="statements_month_2026-06_S01_CNY_component").set_value("commission").run()
    at = choose(at, "statements_month_2026-06_S01_CNY_commission_1_entries", 0)
    assert not at.exception
    (told,) = (one.value for one in at.text if "按规则" in one.value)
    assert "的佣金" in told.replace(" ", "") and "commission" not in told and "SALE" not in told


def test_a_payment_is_told_as_one_and_has_no_rule(opened: Opened) -> None:
    at = statement(opened(), "S01")
    at.selectbox(key="statements_month_2026-06_S01_CNY_component").set_value("payment").run()
    at = choose(at, "statements_month_2026-06_S01_CNY_payment_1_entries", 0)
    assert not at.exception
    assert "A payment: it follows from no rule." in [one.value for one in at.caption]


def test_another_period_closes_the_statement_that_was_chosen(opened: Opened) -> None:
    at = statement(opened(), "S01")
    assert rows(at, "entries_count")
    at.selectbox(key="statements_period_month").set_value("2026-05").run()
    assert not at.exception
    assert not [one for one in at.dataframe if "posted_on" in one.value.columns]
    assert {row["state"] for row in rows(at, "due")} == {"closed"}


@pytest.mark.usefixtures("opened")
def test_many_entries_come_page_by_page() -> None:
    asked = {**JUNE, "party_id": "S01", "currency": "CNY", "component": None}
    every = data.reader(OWNER)("settlement_statement_entries", **asked)
    pages = [
        data.reader(OWNER)("settlement_statement_entries", **asked, limit=20, skip=skip)
        for skip in range(0, every.height, 20)
    ]
    assert every.height == every["matches_count"][0] > 40
    assert pl.concat(pages).equals(every)


def test_a_store_manager_sees_own_statements_only(opened: Opened) -> None:
    every = rows(opened(), "due")
    at = opened(MANAGER)
    assert not at.exception
    assert [row["party"] for row in rows(at, "due")] == ["上海南京路店 (S01)"] and len(every) > 1
    at = statement(at, "S01")
    assert not at.exception and not at.warning
    assert {one["store_id"] for one in rows(at, "posted_on")} == {"S01", "*"}
    refused = data.reader(MANAGER)(
        "settlement_statement_entries", **JUNE, party_id="hq", currency="CNY", component=None
    )
    assert refused.is_empty()


def test_an_employee_sees_the_commission_so_far_and_is_told_what_lies_elsewhere(opened: Opened) -> None:
    at = opened(replace(MANAGER, store_ids=frozenset(), owner_userid="u01"))
    assert not at.exception
    (row,) = rows(at, "due")
    assert row["party"] == "导购01 (u01)" and cents(row["earned"]) > 0
    at = statement(at, "u01")
    assert not at.exception
    assert at.warning[0].value.startswith(f"0 of the {row['lines_count']} entries lie in your stores")
