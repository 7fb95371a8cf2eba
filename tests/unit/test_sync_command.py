"""`scrm sync` and `scrm sources`: what people and cron see of the connectors."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from models.settings import Settings
from pipelines.cli import app
from pipelines.sandbox.faults import FaultLayer, FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sources.connections import BadConnectionError, connector_class, enabled
from tests.connectors.taobao import NOW, make

CLI = CliRunner()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A home whose settings name one shop; the face is started by the test."""
    options = {**make(1, False).options, "system": "taobao"}
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    for name, value in options.items():
        monkeypatch.setenv(f"SCRM_CONNECTIONS__TMALL__{name.upper()}", str(value))
    return {name: str(value) for name, value in options.items()}


def _run(*arguments: str, code: int = 0) -> dict[str, Any]:
    done = CLI.invoke(app, [*arguments, "--json"])
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_shop_is_synced_and_shown(shop: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    stand = make(1, False)
    layer = FaultLayer(stand.app, FaultPlan(clock_ahead=NOW - datetime.now(UTC)), stand.dialect)
    with serving(layer) as address:
        monkeypatch.setenv("SCRM_CONNECTIONS__TMALL__BASE_URL", address + stand.path)
        until = ("--until", NOW.isoformat())
        first = _run("sync", *until)["streams"]
        assert [one["state"] for one in first] == ["done", "done"]
        assert first[0]["landed"] == stand.truth()["taobao_trades"].height
        again = _run("sync", "tmall", "--from", "2026-06-01", "--to", "2026-06-02", "--stream", "trades", *until)[
            "streams"
        ]
        assert [(one["stream"], one["landed"]) for one in again] == [("trades", 0)]
        assert again[0]["repeated"] > 0
        shown = _run("sources", "--check")
        assert {one["stream"]: one["state"] for one in shown["connections"]} == {"trades": "ok", "refunds": "ok"}
        assert all(one["through"].startswith("2026-06-30") for one in shown["connections"])
        assert "taobao" in {one["system"] for one in shown["systems"]}


def test_a_failed_stream_is_exit_code_1_and_its_words(shop: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    stand = make(1, False)
    with serving(stand.app) as address:
        monkeypatch.setenv("SCRM_CONNECTIONS__TMALL__BASE_URL", address + stand.path)
        monkeypatch.setenv("SCRM_CONNECTIONS__TMALL__SESSION", "ended")
        done = CLI.invoke(app, ["sync", "--until", NOW.isoformat()])
    assert done.exit_code == 1
    assert "let the shop authorise the application again" in " ".join(done.output.split())
    assert shop["app_secret"] not in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sync", "other"), "no connection is called 'other'; there are tmall"),
        (("sync", "--from", "2026-06-01"), "--from and --to go together"),
        (("sync", "--from", "2026-06-02", "--to", "2026-06-01"), "is before"),
    ],
)
def test_what_cannot_be_meant_is_said(shop: dict[str, str], arguments: tuple[str, ...], words: str) -> None:
    done = CLI.invoke(app, list(arguments))
    assert done.exit_code in (1, 2)
    assert words in " ".join(done.output.replace("│", " ").split())


def test_without_a_connection_the_command_says_how_to_add_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    done = CLI.invoke(app, ["sync"])
    assert done.exit_code == 0
    assert "[connections." in done.output


def test_an_unknown_system_names_those_that_there_are(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, connections={"x": {"system": "ebay"}})
    with pytest.raises(BadConnectionError, match=r"unknown system 'ebay'; installed are .*taobao"):
        connector_class(enabled(settings)[0].settings.system)


def test_a_secret_of_a_connection_is_stars_wherever_settings_are_shown(tmp_path: Path) -> None:
    given = {"system": "taobao", "app_key": "1", "app_secret": "abc-hidden", "session": "def-hidden", "store_id": "S"}
    settings = Settings(home=tmp_path, connections={"tmall": given})
    assert "hidden" not in str(settings.shown()) + repr(settings)


def test_a_name_that_no_variable_can_carry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="small letters, digits and _"):
        Settings(home=tmp_path, connections={"My-Shop": {"system": "taobao"}})
