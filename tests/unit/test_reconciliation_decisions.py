"""What people decided about differences of reconciliation: the ledger, its landing, the worklist, ``scrm reconcile``.

Accidents it prevents: a decision that goes on speaking of another difference, one that nobody can take back, one that
disappears when the snapshot is older than it, and a worklist that tells a store what another one took.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from models.serving import Snapshots, Viewer, run
from models.serving.reconciling import difference_of, overlaid
from models.settings import Settings
from models.store import DifferenceRefusedError, Store
from models.store.reconciliation import Difference
from pipelines.cli import app
from pipelines.lake import Lake
from pipelines.landing_store import DIFFERENCES_SOURCE, land_store
from tests.factories_snapshot import build_snapshot

NOON = datetime(2026, 7, 1, 12)
ONE = Difference("ours:payment:wechat_pay:1", "CHANNEL_MISSING", "CNY", 8000)
Scrm = Callable[..., dict]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


def decide(store: Store, verdict: str, difference: Difference = ONE, reason: str = "asked the bank") -> int:
    return store.reconciliation_decisions.decide(verdict, difference, reason=reason, author="cli:me", at=NOON)


def undo(store: Store, number: int) -> int:
    return store.reconciliation_decisions.undo(number, reason="a mistake", author="cli:me", at=NOON)


def holding(store: Store) -> list[tuple[str, str]]:
    return store.reconciliation_decisions.in_force().select("decision_id", "verdict").rows()


def test_the_newest_decision_holds_and_can_be_taken_back(store: Store) -> None:
    one, two = decide(store, "accept"), decide(store, "dispute")
    assert holding(store) == [("2", "dispute")]
    undo(store, two)
    assert holding(store) == [("1", "accept")], "what was decided before holds again"
    undo(store, one)
    assert holding(store) == []
    for again in (two, 3, 99):
        with pytest.raises(DifferenceRefusedError):
            undo(store, again)


def test_a_decision_needs_a_reason_and_a_verdict_that_there_is(store: Store) -> None:
    for verdict, reason in (("accept", "  "), ("forget", "because")):
        with pytest.raises(DifferenceRefusedError):
            decide(store, verdict, reason=reason)
    assert holding(store) == []


def test_decisions_land_once_and_in_order(store: Store, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    decide(store, "accept")
    undo(store, 1)
    assert [commit.entry.source for commit in land_store(lake, store)] == [DIFFERENCES_SOURCE]
    assert land_store(lake, store) == []
    decide(store, "adjust")
    land_store(lake, store)
    rows = lake.read("landed", "reconciliation_decisions")
    assert rows.select("decision_id", "verdict", "undoes").rows() == [
        ("1", "accept", None),
        ("2", "undo", "1"),
        ("3", "adjust", None),
    ]


# ------------------------------------------------------------------ the worklist


@pytest.fixture
def published(tmp_path: Path) -> Callable[..., pl.DataFrame]:
    build_snapshot(tmp_path / "published")
    snapshot = Snapshots(tmp_path / "published").current()
    owner = Viewer.owner_of_the_company()

    def read(query_id: str, viewer: Viewer = owner, **parameters: object) -> pl.DataFrame:
        return run(snapshot, query_id, viewer, **parameters)

    return read


EVERY = {"first": date(2020, 1, 1), "last": date(2030, 1, 1), "channel": None}


def test_a_decision_shows_before_the_next_run_and_only_as_long_as_the_difference_is_the_same(published, store) -> None:
    items = published("reconciliation_items", **EVERY, difference_class="AMOUNT_OVER")
    item = items.row(0, named=True)
    decide(store, "dispute", difference_of(item))
    ledger = store.reconciliation_decisions.in_force()
    states = dict(overlaid(items, ledger).select("item_id", "state").iter_rows())
    assert states.pop(item["item_id"]) == "dispute" and set(states.values()) == {"open"}
    changed = items.with_columns(difference_amount=pl.col("difference_amount") + 1)
    assert set(overlaid(changed, ledger)["state"]) == {"open"}, "another amount is another difference"
    waiting = published("reconciliation_items", **EVERY, difference_class="TIMING")
    assert set(overlaid(waiting, ledger)["state"]) == {"waiting"}


def test_who_sees_one_store_sees_its_differences_and_their_rows_only(published) -> None:
    every = published("reconciliation_items", **EVERY, difference_class=None)
    assert every["store_id"].n_unique() > 1
    mine = replace(Viewer.owner_of_the_company(), store_ids=frozenset({"S01"}))
    seen = published("reconciliation_items", mine, **EVERY, difference_class=None)
    assert set(seen["store_id"]) == {"S01"}
    assert seen.height == seen["matches_count"][0] == every.filter(pl.col("store_id") == "S01").height
    for item in every.iter_rows(named=True):
        told = published("reconciliation_item_rows", mine, item_id=item["item_id"])
        assert told.is_empty() == (item["store_id"] != "S01")
        assert published("reconciliation_item", mine, item_id=item["item_id"]).is_empty() == (item["store_id"] != "S01")
    for query in ("reconciliation_by_class", "reconciliation_by_day"):
        figures = ["ours_amount", "bill_amount", "difference_amount"]
        of_all, of_mine = published(query, **EVERY), published(query, mine, **EVERY)
        assert of_mine["ours_amount"].sum() < of_all["ours_amount"].sum()
        assert (of_mine["ours_amount"] - of_mine["bill_amount"]).to_list() == of_mine["difference_amount"].to_list()
        assert set(figures) <= set(of_mine.columns)


# ------------------------------------------------------------------ the command


@pytest.fixture
def scrm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scrm:
    for name in [name for name in os.environ if name.startswith("SCRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    build_snapshot(Settings().published_dir)

    def call(*arguments: str, expect: int = 0) -> dict:
        result = CliRunner().invoke(app, ["reconcile", *arguments, "--json"])
        assert result.exit_code == expect, f"{result.exit_code}\n{result.stdout}\n{result.stderr}\n{result.exception!r}"
        return json.loads(result.stdout) if expect == 0 else {"said": result.stderr}

    return call


def test_differences_are_listed_decided_and_taken_back(scrm: Scrm, tmp_path: Path) -> None:
    listed = scrm("--state", "open", "--csv", str(tmp_path / "out.csv"))["differences"]
    assert listed and pl.read_csv(tmp_path / "out.csv").height == len(listed)
    key = listed[0]["item_id"]
    assert scrm("decide", key, "accept", "--reason", "known")["decision"] == 1
    assert [one["item_id"] for one in scrm("--state", "accept")["differences"]] == [key]
    assert key not in {one["item_id"] for one in scrm("--state", "open")["differences"]}
    with Store.open(Settings().store_address) as opened:
        said = opened.audit.newest().row(0, named=True)
    assert said["action"] == "difference_decided" and key in said["details"]
    scrm("undo", "1", "--reason", "looked again")
    assert key in {one["item_id"] for one in scrm("--state", "open")["differences"]}
    assert [one["holds"] for one in scrm("decisions")["decisions"]] == [False, False]
    assert "no difference" in scrm("decide", "ours:payment:x:y", "accept", "--reason", "x", expect=1)["said"]
    assert "before" in scrm("undo", "1", "--reason", "x", expect=1)["said"]


def test_a_day_and_a_channel_narrow_the_list(scrm: Scrm) -> None:
    every = scrm()
    day = every["differences"][0]["day"]
    of_day = scrm("--day", day)
    assert {one["day"] for one in of_day["differences"]} == {day}
    assert len(of_day["differences"]) < len(every["differences"])
    assert scrm("--channel", "alipay") == {**every, "differences": [], "totals": []}
