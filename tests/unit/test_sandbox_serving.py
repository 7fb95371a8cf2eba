"""What ``scrm sandbox serve`` offers before anybody asks: connections by profile, and refusals with words.

Accidents it prevents: a switch that is taken and has no effect; two accounts under one name or one address.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from starlette.applications import Starlette
from typer.testing import CliRunner

from models.settings import Settings
from pipelines.cli import app
from pipelines.lake import Lake
from pipelines.sandbox import server
from pipelines.sources import connections
from pipelines.sources.connector import Context


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[Starlette]:
    """The server ends as soon as it has said where it is; what it would have served."""
    seen: list[Starlette] = []

    def once(served: Starlette, *, port: int, ready: Callable[[str], object]) -> None:
        seen.append(served)
        ready(f"http://127.0.0.1:{port}")

    monkeypatch.setattr(server, "serve_forever", once)
    return seen


def serve(*arguments: str, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, ["sandbox", "serve", "--customers", "150", *arguments])
    assert result.exit_code == expect, f"{result.exit_code}\n{result.stderr}\n{result.exception!r}"
    return result


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("demo", {"wecom", "tmall", "youzan", "wechat_pay"}),
        ("full", {"wecom", "wecom_overseas", "tmall", "taobao_club", "youzan", "wechat_pay"}),
    ],
)
def test_every_account_has_a_connection_and_a_place_of_its_own(
    offered: list[Starlette], tmp_path: Path, profile: str, expected: set[str]
) -> None:
    file = tmp_path / "company.toml"
    serve("--profile", profile, "--settings-file", str(file))
    given: dict[str, dict[str, Any]] = tomllib.loads(file.read_text("utf-8"))["connections"]
    assert set(given) == expected == set(offered[0].state.layers)
    assert len({table["base_url"] for table in given.values()}) == len(given)
    there = {name: table for name, table in given.items() if "key_file" not in table}  # keys ended with the server
    settings = Settings(home=tmp_path / "home", connections=there)
    accounts = set()
    for one in connections.enabled(settings):
        with connections.opened(one, Context(Lake(tmp_path / "lake"), settings)) as connector:
            accounts.add((connector.system, connector.account))
    assert len(accounts) == len(there)


def test_a_switch_needs_the_full_profile_and_must_exist(offered: list[Starlette]) -> None:
    assert "--profile full" in serve("--switch", "gift=0", expect=1).stderr
    assert "luck is no switch" in serve("--profile", "full", "--switch", "luck=1", expect=1).stderr
    assert not offered
    serve("--profile", "full", "--switch", "gift=0")
    assert len(offered) == 1


def test_a_server_holds_one_part_of_a_company(offered: list[Starlette]) -> None:
    refused = CliRunner().invoke(app, ["sandbox", "serve", "--profile", "full", "--customers", "60000"])
    assert refused.exit_code == 1
    assert "scrm sandbox fill" in refused.stderr
    assert not offered
