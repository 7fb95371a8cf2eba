"""``scrm identity decide``, ``undo`` and ``review`` as their user meets them; what a text names in a decision.

Accidents it prevents: a decision on a family's phone that hits whoever stated it first, one that names a customer by an
id that is gone tomorrow, and a number shown in full to whoever lists decisions.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from models.serving import Snapshots, Viewer, run
from models.serving.anchoring import AnchorError, anchor_of
from models.settings import Settings
from models.store import Anchor, Store
from pipelines.cli import app
from tests.factories_snapshot import build_snapshot

Scrm = Callable[..., dict]


@pytest.fixture
def scrm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scrm:
    for name in [name for name in os.environ if name.startswith("SCRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    build_snapshot(Settings().published_dir)

    def call(*arguments: str, expect: int = 0) -> dict:
        result = CliRunner().invoke(app, ["identity", *arguments, "--json"])
        assert result.exit_code == expect, f"{result.exit_code}\n{result.stdout}\n{result.stderr}\n{result.exception!r}"
        return json.loads(result.stdout) if expect == 0 else {"said": result.stderr}

    return call


def ledger() -> pl.DataFrame:
    with Store.open(Settings().store_address) as store:
        return store.identity_decisions.rows_after(0)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pl.DataFrame]:
    folder = tmp_path_factory.mktemp("published")
    build_snapshot(folder)
    snapshot, viewer = Snapshots(folder).current(), Viewer.owner_of_the_company()
    return lambda query_id, **parameters: run(snapshot, query_id, viewer, **parameters)


def test_a_customer_is_named_by_what_is_its_own(read: Callable[..., pl.DataFrame]) -> None:
    assert anchor_of(read, "C000003") == Anchor("phone", "+8613800000003")
    assert anchor_of(read, " phone:138 0000 0003 ") == Anchor("phone", "+8613800000003"), "as records state it"
    assert anchor_of(read, "13800000003") == Anchor("phone", "+8613800000003")
    assert anchor_of(read, "record:S01:rec:C000003") == Anchor("record", "S01:rec:C000003")


def test_an_order_is_named_by_its_record(read: Callable[..., pl.DataFrame]) -> None:
    order = read("identity_record_orders", persona_id=32)["order_key"][0]
    assert anchor_of(read, order) == anchor_of(read, f"record:orders:{order}") == Anchor("record", f"orders:{order}")


@pytest.mark.parametrize("text", ["nobody", "phone:13900000000", "C999999", "member_no:13800000003"])
def test_what_names_nobody_is_refused(read: Callable[..., pl.DataFrame], text: str) -> None:
    with pytest.raises(AnchorError, match="nobody is known by"):
        anchor_of(read, text)


def test_a_value_of_several_customers_is_refused_with_their_ids() -> None:
    def read(query_id: str, **_: object) -> pl.DataFrame:
        assert query_id == "identity_find"
        kin = {"customer_id": ["C1", "C2"], "persona_id": ["1", "2"], "identifier_type": ["phone", "phone"]}
        return pl.DataFrame(kin)

    with pytest.raises(AnchorError, match="several customers, C1, C2; name one"):
        anchor_of(read, "phone:13800000003")


def test_a_decision_is_recorded_with_author_and_reason_and_taken_back(scrm: Scrm) -> None:
    said = scrm("decide", "not-same", "C000003", "C000004", "--reason", " two brothers ")
    assert (said["decision"], said["verdict"], said["left"]) == (1, "not_same", "phone:+86138****0003")
    assert "next run" in said["next"]
    row = ledger().row(0, named=True)
    assert (row["left_identifier"], row["right_identifier"]) == ("+8613800000003", "+8613800000004")
    assert row["reason"] == "two brothers"
    assert row["author"].startswith("cli:")
    listed = scrm("review")["decisions"]
    assert [(one["decision"], one["left"]) for one in listed] == [("1", "phone:+86138****0003")]
    assert scrm("review", "--show")["decisions"][0]["left"] == "phone:+8613800000003"
    assert scrm("undo", "1", "--reason", "asked again")["undoes"] == 1
    assert scrm("review")["decisions"] == []
    assert "taken back by 2" in scrm("undo", "1", "--reason", "again", expect=1)["said"]
    with Store.open(Settings().store_address) as store:
        assert set(store.audit.newest()["action"]) == {"identity_decided", "identity_undone"}


def test_what_cannot_be_decided_leaves_nothing(scrm: Scrm) -> None:
    assert "both sides" in scrm("decide", "same", "C000003", "phone:13800000003", "--reason", "r", expect=1)["said"]
    assert "reason" in scrm("decide", "same", "C000003", "C000004", "--reason", " ", expect=1)["said"]
    scrm("decide", "perhaps", "C000003", "C000004", "--reason", "r", expect=2)
    assert ledger().is_empty()


def test_open_questions_are_listed_and_vanish_when_they_are_decided(scrm: Scrm) -> None:
    before = scrm("review")
    assert before["open"] == len(before["reviews"]) > 0
    pair = next(one for one in before["reviews"] if one["other_customer_id"])
    scrm("decide", "same", pair["customer_id"], pair["other_customer_id"], "--reason", "one person")
    after = scrm("review")
    assert after["open"] == before["open"] - 1
    assert pair not in after["reviews"]
    assert len(scrm("review", "--most", "1")["reviews"]) == 1
