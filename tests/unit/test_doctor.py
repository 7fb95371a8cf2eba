"""Each fault of an installation is found, named, and comes with a remedy; a sound one is called sound."""

import json
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock
from pydantic import SecretStr

from models.settings import AlertSettings, ConnectionSettings, DashboardSettings, Settings
from models.store import Store
from pipelines import alerts, backup, inbox
from pipelines.doctor import Finding, examine, worst
from tests.faults.tiny_company import TinyCompany


@pytest.fixture
def company(tmp_path: Path) -> TinyCompany:
    """A company in good order: published, with a store and a backup."""
    made = TinyCompany(tmp_path / "home")
    made.run(1)
    Store.open(made.settings.store_address).close()
    backup.back_up(made.settings, tmp_path / "kept", now=datetime.now(UTC))
    return made


def found(settings: Settings, check: str, *, full: bool = False, now: datetime | None = None) -> Finding:
    """The worst finding of a check."""
    findings = [one for one in examine(settings, full=full, now=now or datetime.now(UTC)) if one.check == check]
    assert findings, f"{check} said nothing"
    return max(findings, key=lambda one: ("ok", "warning", "error").index(one.state))


def test_a_sound_installation_has_no_error_and_looking_changes_nothing(company: TinyCompany) -> None:
    def state() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in company.home.rglob("*") if path.is_file()}

    before = state()
    findings = examine(company.settings, full=True, now=datetime.now(UTC))
    assert [one for one in findings if one.state == "error"] == []
    assert state().keys() - before.keys() <= {str(company.home / "store.db-shm"), str(company.home / "store.db-wal")}
    assert all(one.remedy for one in findings if one.state != "ok")


def test_an_empty_home_is_no_error_and_is_not_made(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    assert worst(examine(settings, full=True, now=datetime.now(UTC))) == "warning"
    assert not settings.home.exists()


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def lake_file(company: TinyCompany) -> Path:
    return next((company.settings.lake_dir / "landed" / "orders").glob("*.parquet"))


def test_a_flipped_bit_in_the_lake_is_found_by_a_full_look(company: TinyCompany) -> None:
    flip(lake_file(company), 100)
    assert found(company.settings, "lake").state == "ok", "the quick look compares sizes"
    worse = found(company.settings, "lake", full=True)
    assert worse.state == "error"
    assert lake_file(company).name in worse.words


def truncated_lake_file(company: TinyCompany) -> None:
    path = lake_file(company)
    path.write_bytes(path.read_bytes()[:-1])


def damaged_manifest(company: TinyCompany) -> None:
    flip(company.lake.manifest, 30)


def damaged_snapshot(company: TinyCompany) -> None:
    flip(next(company.published.glob("serve-*.duckdb")), 5000)


def damaged_store(company: TinyCompany) -> None:
    (company.home / "store.db").write_bytes(b"no database" * 1000)


def newer_store(company: TinyCompany) -> None:
    with closing(sqlite3.connect(company.home / "store.db")) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
        connection.commit()


def open_store(company: TinyCompany) -> None:
    (company.home / "store.db").chmod(0o644)


def stray_file(company: TinyCompany) -> None:
    (company.settings.lake_dir / "landed" / "orders" / "999999999999-0.parquet").write_bytes(b"x")


def draft_left(company: TinyCompany) -> None:
    (company.published / "candidate.duckdb.tmp").write_bytes(b"x")


def old_backup(company: TinyCompany) -> None:
    path = company.home / backup.LAST_BACKUP
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "made_at": (datetime.now(UTC) - timedelta(days=9)).isoformat()}))


def failed_run(company: TinyCompany) -> None:
    alerts.failed(company.settings, job="main", run_id="r1", step="publish", words="w", now=datetime.now(UTC))


def file_waits(company: TinyCompany) -> None:
    inbox.prepare(company.settings)
    (company.settings.inbox_dir / "orders" / "a.csv").write_text("x")


def note_left(company: TinyCompany) -> None:
    (company.settings.inbox_dir / "failed" / "orders").mkdir(parents=True)
    (company.settings.inbox_dir / "failed" / "orders" / "a.csv.note.txt").write_text("x")


@pytest.mark.parametrize(
    ("harm", "check", "state"),
    [
        (truncated_lake_file, "lake", "error"),
        (damaged_manifest, "lake", "error"),
        (damaged_snapshot, "snapshot", "error"),
        (damaged_store, "store", "error"),
        (newer_store, "store", "warning"),
        (open_store, "store", "warning"),
        (stray_file, "leftovers", "warning"),
        (draft_left, "drafts", "warning"),
        (old_backup, "backup", "warning"),
        (failed_run, "last run", "error"),
        (file_waits, "inbox", "warning"),
        (note_left, "inbox", "warning"),
    ],
)
def test_each_fault_is_named_with_a_remedy(
    company: TinyCompany, harm: Callable[[TinyCompany], None], check: str, state: str
) -> None:
    harm(company)
    finding = found(company.settings, check, now=datetime.now(UTC) + timedelta(seconds=60))
    assert finding.state == state, finding
    assert finding.remedy


def test_a_clock_that_was_set_back_is_found(company: TinyCompany) -> None:
    assert found(company.settings, "clock").state == "ok"
    assert found(company.settings, "clock", now=datetime.now(UTC) - timedelta(days=1)).state == "error"


def test_the_holder_of_the_warehouse_is_seen(company: TinyCompany) -> None:
    assert "free" in found(company.settings, "warehouse").words if _lock(company).exists() else True
    with FileLock(_lock(company)):
        assert found(company.settings, "warehouse").state == "warning"


def _lock(company: TinyCompany) -> Path:
    return company.settings.building_dir.parent / ".lock"


def test_settings_that_cannot_work_are_named(company: TinyCompany) -> None:
    half = {"corp": ConnectionSettings.model_validate({"system": "wecom", "corp_id": "ww1"})}
    finding = found(company.settings.model_copy(update={"connections": half}), "corp")
    assert finding.state == "error"
    assert "secret: Field required; set it in [connections.corp]" in finding.words
    unlisted = AlertSettings(webhook_url=SecretStr("https://hooks.example.com/x"))
    assert found(company.settings.model_copy(update={"alerts": unlisted}), "alerts").state == "error"


def test_a_port_in_use_is_named(company: TinyCompany) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = DashboardSettings(port=taken.getsockname()[1])
        assert found(company.settings.model_copy(update={"dashboard": busy}), "port").state == "warning"
