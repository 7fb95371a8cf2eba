"""The page Reconciliation: both sides' figures, the worklist, a decision with its author, and who may not decide.

Accidents it prevents: a decision without a reason, one by a role that only looks, a decided difference that stays on
the list of open ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.serving import Viewer
from models.store import Store
from tests.dashboards.test_people_pages import APP
from tests.factories_snapshot import build_snapshot

OWNER = Viewer.owner_of_the_company("boss")
Opened = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    build_snapshot(tmp_path / "published")
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened
    for cached in (data.settings, data.snapshots, data._answer, data._store):
        cached.clear()


@pytest.fixture
def opened(store: Store, monkeypatch: pytest.MonkeyPatch) -> Opened:
    def page(viewer: Viewer = OWNER, language: str = "en") -> AppTest:
        monkeypatch.setattr(access, "current_viewer", lambda: viewer)
        at = AppTest.from_file(APP, default_timeout=60)
        at.query_params["language"] = language
        at.run()
        at.switch_page("app_pages/reconciliation.py")
        return at.run()

    return page


def worklist(at: AppTest) -> list[dict[str, object]]:
    return next(one.value for one in at.dataframe if "fee_difference" in one.value.columns).to_dict("records")


def choose(at: AppTest, row: int) -> AppTest:
    at.session_state["reconciliation_items"] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return at.run()


def press(at: AppTest, key: str) -> AppTest:
    return next(one for one in at.button if one.key == key).click().run()


@pytest.mark.parametrize(("language", "word"), [("en", "Amount: ours is more"), ("zh", "金额不符（长款）")])
def test_figures_and_differences_are_told_in_both_languages(opened: Opened, language: str, word: str) -> None:
    at = opened(language=language)
    assert not at.exception
    assert at.metric[0].value
    assert word in {row["class"] for row in worklist(at)}


def test_a_difference_is_decided_with_a_reason_and_leaves_the_open_ones(opened: Opened, store: Store) -> None:
    at = opened()
    before = worklist(at)
    at = choose(at, 0)
    assert not at.exception
    reason = next(one for one in at.text_input if one.key and one.key.endswith("_reason"))
    key = reason.key.removesuffix("_reason")
    at = press(at, f"{key}_accept")
    assert at.error and store.reconciliation_decisions.rows_after(0).is_empty(), "a decision needs its reason"
    next(one for one in at.text_input if one.key == f"{key}_reason").set_value("asked the bank")
    at = press(at, f"{key}_accept")
    assert not at.exception and at.success
    (said,) = store.reconciliation_decisions.in_force().iter_rows(named=True)
    assert (said["verdict"], said["reason"], said["author"]) == ("accept", "asked the bank", "boss")
    assert said["item_id"] == key.removeprefix("reconciliation_")
    assert len(worklist(at)) == len(before) - 1
    assert store.audit.newest().row(0, named=True)["action"] == "difference_decided"


def test_a_store_manager_sees_own_differences_and_no_form(opened: Opened) -> None:
    every = worklist(opened())
    manager = replace(OWNER, user_id="m", roles=frozenset({"store_manager"}), store_ids=frozenset({"S01"}))
    at = opened(manager)
    assert not at.exception
    mine = worklist(at)
    assert 0 < len(mine) < len(every) and {row["store_id"] for row in mine} == {"S01"}
    at = choose(at, 0)
    assert not at.exception
    assert not [one for one in at.text_input if one.key and one.key.startswith("reconciliation_")]
