"""Who acts in a command. Accident it prevents: one person under two names in the audit, by which command they used."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.settings import Settings
from models.store import Store
from pipelines.cli import app
from pipelines.commands import acting
from tests.factories_snapshot import build_snapshot

DECIDE = ["identity", "decide", "same", "C000003", "C000004", "--reason", "one person"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    monkeypatch.setenv("USER", "lin")
    build_snapshot(Settings().published_dir)


def test_every_command_acts_under_the_name_of_the_machines_account() -> None:
    for arguments in (["users", "add", "mei@example.com", "--name", "Mei"], DECIDE):
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)
    with Store.open(Settings().store_address) as store:
        assert set(store.audit.newest()["user_id"]) == {"cli:lin"}
        assert set(store.identity_decisions.rows_after(0)["author"]) == {"cli:lin"}
    assert acting.viewer().user_id == "cli:lin"


def test_an_account_without_a_name_acts_under_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("USER")
    assert acting.author().removeprefix("cli:").isdigit()


def test_a_reader_sees_the_whole_company_and_personal_values_when_asked() -> None:
    whole, masked = (acting.reader(Settings(), shows=shows) for shows in (True, False))
    asked = {"customer_id": "C000003"}
    assert whole("identity_anchor", **asked).row(0) == ("phone", "+8613800000003")
    assert masked("identity_anchor", **asked).row(0) == ("phone", "+86138****0003")
    reviews = [read("identity_reviews")["place"].to_list() for read in (whole, masked)]
    assert reviews[0] == reviews[1] != [], "rows are the whole company's either way"
