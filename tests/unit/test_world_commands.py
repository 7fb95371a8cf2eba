"""The full company through its commands: a folder that the file door takes, and a lake filled without any interface."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from models.documents.mapping import Mapping
from models.settings import Settings
from pipelines.cli import app
from pipelines.demo import FILES
from pipelines.lake import Lake
from pipelines.sandbox.files import DIRTY
from pipelines.sandbox.wecom import WecomState
from pipelines.sources.files.importing import import_file

Scrm = Callable[..., Any]


@pytest.fixture
def scrm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scrm:
    for name in [name for name in os.environ if name.startswith("SCRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, expect: int = 0) -> Any:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == expect, f"{result.exit_code}\n{result.stderr}\n{result.exception!r}"
        return result

    return call


def test_a_full_folder_imports_with_the_amounts_of_the_world(scrm: Scrm, tmp_path: Path) -> None:
    folder = tmp_path / "company"
    scrm("sandbox", "generate", str(folder), "--customers", "500", "--profile", "full")
    lake, settings = Lake(tmp_path / "lake"), Settings(home=tmp_path / "home")
    for name, dataset in FILES.items():
        if dataset == "consents":
            continue  # goes to the store's ledger
        mapping = Mapping.load(folder / f"{name}.map.yaml")
        report = import_file(folder / f"{name}.csv", dataset=dataset, mapping=mapping, lake=lake, settings=settings)
        assert report.quarantined <= len(DIRTY[name]), name
    lines = pl.read_parquet(folder / "subjects" / "order_lines.parquet")
    orders = pl.read_parquet(folder / "subjects" / "orders.parquet")
    meant = lines.join(orders, on=["order_id", "store_id"]).group_by("currency").agg(pl.col("paid_amount").sum())
    landed = lake.read("landed", "orders").filter(~pl.col("order_id").str.starts_with("DIRTY"))
    found = landed.group_by("currency").agg(pl.col("paid_amount").sum())
    assert {"CNY", "HKD", "MOP", "JPY", "GBP", "SGD"} == set(found["currency"])
    assert dict(meant.iter_rows()) == dict(found.iter_rows())
    overseas = WecomState.read(folder / "wecom-ww4fseasons0000002.json")
    mainland = WecomState.read(folder / "wecom.json")
    assert overseas.contacts
    assert not set(overseas.follow_users) & set(mainland.follow_users)
    assert (folder / "subjects" / "identities.parquet").exists()


def test_a_folder_of_the_full_profile_has_a_limit(scrm: Scrm, tmp_path: Path) -> None:
    refused = scrm("sandbox", "generate", str(tmp_path / "x"), "--customers", "60000", "--profile", "full", expect=1)
    assert "scrm sandbox fill" in refused.stderr


def test_an_empty_lake_is_filled_and_another_is_left_alone(scrm: Scrm, tmp_path: Path) -> None:
    made = json.loads(scrm("sandbox", "fill", "--customers", "200", "--switch", "gift=0", "--json").stdout)
    assert made["batches"] == 4
    assert made["rows"]["app_events"] > 5_000
    lake = Lake(tmp_path / "home" / "lake")
    assert sum(file.rows for _, file in lake.files("landed", "orders")) == made["rows"]["orders"]
    again = json.loads(scrm("sandbox", "fill", "--customers", "200", "--switch", "gift=0", "--json").stdout)
    assert (again["batches"], again["repeated"]) == (0, 4)
    assert "no switch" in scrm("sandbox", "fill", "--customers", "200", "--switch", "luck=1", expect=1).stderr
    other = " ".join(scrm("sandbox", "fill", "--customers", "300", expect=1).stderr.split())
    assert "of another size, seed or switch" in other
    real = Lake(tmp_path / "home" / "lake")
    real.commit(source="file:orders.csv", key="real", parts=[])
    refused = scrm("sandbox", "fill", "--customers", "200", "--switch", "gift=0", expect=1)
    assert "needs a lake of its own" in " ".join(refused.stderr.split())
    assert "file:orders.csv" in refused.stderr.replace("\n", "")
