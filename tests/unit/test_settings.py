"""Settings: environment before file, clear refusals, secrets never shown."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from models.settings import Settings
from pipelines.cli import app

SECRET = "canary-secret-7731"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scrm.toml").write_text(
        'company = "File"\ntimezone = "Asia/Hong_Kong"\n[connections.it]\nsystem = "wecom"\n'
    )
    monkeypatch.setenv("SCRM_COMPANY", "Environment")
    settings = Settings()
    assert (settings.company, settings.timezone, settings.connections["it"].system) == (
        "Environment",
        "Asia/Hong_Kong",
        "wecom",
    )


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scrm.toml").write_text('compny = "typo"\n')
    with pytest.raises(ValidationError, match="compny"):
        Settings()


@pytest.mark.parametrize(("name", "value"), [("timezone", "Mars/Olympus"), ("currency", "yuan"), ("keep_snapshots", 1)])
def test_a_value_that_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: value})


def test_the_old_place_of_wecom_is_refused_with_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRM_WECOM__SECRET", SECRET)
    with pytest.raises(ValidationError, match=r"\[connections.wecom\]") as raised:
        Settings()
    assert SECRET not in str(raised.value)


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRM_CONNECTIONS__IT__SYSTEM", "wecom")
    monkeypatch.setenv("SCRM_CONNECTIONS__IT__SECRET", SECRET)
    monkeypatch.setenv("SCRM_ID_KEY", SECRET)
    settings = Settings()
    assert settings.connections["it"].options()["secret"].get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    assert SECRET not in json.dumps(settings.shown())
    shown = CliRunner().invoke(app, ["settings", "--json"])
    assert shown.exit_code == 0
    assert SECRET not in shown.output


def test_a_child_process_works_for_the_same_company_and_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(company="四季茶铺", timezone="Asia/Macau", home=Path("elsewhere"), id_key=SECRET)
    environment = given.environment()
    assert SECRET not in environment.values()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    child = Settings()
    assert (child.company, child.timezone, child.home) == (given.company, given.timezone, given.home)


def test_a_child_in_another_folder_reads_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scrm.toml").write_text(f'[connections.it]\nsystem = "wecom"\nsecret = "{SECRET}"\n')
    handed_over = Settings().environment()
    assert SECRET not in json.dumps(handed_over)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for name, value in handed_over.items():
        monkeypatch.setenv(name, value)
    assert Settings().connections["it"].options()["secret"].get_secret_value() == SECRET
