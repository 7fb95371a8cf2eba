"""A backup holds what cannot be made again, at one moment, and gives back the same bytes or says which are damaged."""

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from pydantic import SecretStr

from models.settings import Settings
from models.store import Store
from pipelines.backup import BackupError, back_up, backups, damage, read_backup, restore
from pipelines.lake import Lake, LakeError, Part, content_key
from pipelines.landing_store import land_store
from pipelines.workspace import Workspace
from tests.faults.tiny_company import order

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)


def land(settings: Settings, number: int) -> None:
    Lake(settings.lake_dir).commit(
        source="file:orders", key=content_key("orders", str(number)), parts=[Part("landed", "orders", order(number))]
    )


def consent(settings: Settings, number: int) -> None:
    row = {
        "identifier_type": "phone",
        "identifier": f"+861380000{number:04d}",
        "purpose": "marketing",
        "channel": "any",
        "state": "granted",
        "decided_at": datetime(2026, 6, 1),
        "evidence": "form",
        "_row": 1,
        "_raw": "{}",
    }
    with Store.open(settings.store_address) as store:
        store.consents.append(pl.DataFrame([row]), f"batch {number}", phone_region="CN")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A company with batches, a store, its own key and rule documents, and a settings file."""
    rulebooks = tmp_path / "rules"
    (rulebooks / "audiences").mkdir(parents=True)
    (rulebooks / "audiences" / "all.yaml").write_text("name: all\n")
    made = Settings(home=tmp_path / "home", rulebooks=rulebooks, id_key=SecretStr(""))
    for number in range(1, 4):
        land(made, number)
    consent(made, 1)
    assert Workspace(made).id_key
    return made


def contents(home: Path) -> dict[str, bytes]:
    kept = {"lake", "store.db", "id.key", "scrm.toml"}
    files = (path for path in home.rglob("*") if path.is_file() and path.relative_to(home).parts[0] in kept)
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in files if not path.name.startswith(".")}


def test_what_is_restored_is_what_was_there(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "scrm.toml").write_text('company = "四季茶铺"\n', encoding="utf-8")
    report = back_up(settings, tmp_path / "kept", now=NOW, settings_file=tmp_path / "scrm.toml")
    assert (report.to_seq, report.id_key) == (3, "file")
    restore(tmp_path / "kept", tmp_path / "new")
    found, before = contents(tmp_path / "new"), contents(settings.home)
    for path in ("lake/manifest.jsonl", "id.key"):
        assert found[path] == before[path]
    assert {path: data for path, data in found.items() if path.startswith("lake/")} == {
        path: data for path, data in before.items() if path.startswith("lake/")
    }
    assert found["scrm.toml"].decode() == 'company = "四季茶铺"\n'
    assert (tmp_path / "new" / "rulebooks" / "audiences" / "all.yaml").read_text() == "name: all\n"
    assert (tmp_path / "new" / "id.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "store.db").stat().st_mode & 0o077 == 0
    with Store.open(f"sqlite:///{tmp_path / 'new' / 'store.db'}") as store:
        assert store.consents.head() == 1


def test_a_second_backup_writes_only_what_is_new(settings: Settings, tmp_path: Path) -> None:
    first = back_up(settings, tmp_path / "kept", now=NOW)
    assert first.new_files == first.files
    land(settings, 4)
    second = back_up(settings, tmp_path / "kept", now=NOW + timedelta(days=1))
    assert second.files == first.files + 1
    assert second.new_files == 2, "the new batch and the manifest"
    assert backups(tmp_path / "kept") == [first.name, second.name]
    assert restore(tmp_path / "kept", tmp_path / "old", first.name).to_seq == 3
    assert restore(tmp_path / "kept", tmp_path / "new").to_seq == 4


def test_a_backup_taken_while_imports_go_on_is_of_one_moment(settings: Settings, tmp_path: Path) -> None:
    """Orders and consents land all the while: the restored store is never older than the restored lake."""
    over = threading.Event()

    def import_on() -> None:
        number = 10
        while not over.is_set():
            land(settings, number)
            consent(settings, number)
            with Store.open(settings.store_address) as store:
                land_store(Lake(settings.lake_dir), store)
            number += 1

    importing = threading.Thread(target=import_on)
    importing.start()
    try:
        reports = [back_up(settings, tmp_path / "kept", now=NOW + timedelta(days=day)) for day in range(4)]
    finally:
        over.set()
        importing.join()
    assert reports[-1].to_seq > reports[0].to_seq, "nothing landed meanwhile: the test would prove nothing"
    for number, report in enumerate(reports):
        home = tmp_path / f"restored-{number}"
        assert restore(tmp_path / "kept", home, report.name).to_seq == report.to_seq
        with Store.open(f"sqlite:///{home / 'store.db'}") as store:
            try:
                land_store(Lake(home / "lake"), store)  # refuses a store that is older than the lake
            except LakeError as error:
                pytest.fail(str(error))


@pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
def test_damage_in_a_backup_names_the_file_and_nothing_is_restored(
    settings: Settings, tmp_path: Path, harm: str
) -> None:
    back_up(settings, tmp_path / "kept", now=NOW)
    backup = read_backup(tmp_path / "kept")
    victim = next(item for item in backup.items if item.path.endswith(".parquet"))
    path = tmp_path / "kept" / "objects" / victim.sha256[:2] / victim.sha256
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif harm == "cut":
        path.write_bytes(data[:-1])
    else:
        path.unlink()
    assert [problem.split(":")[0] for problem in damage(tmp_path / "kept", backup)] == [victim.path]
    with pytest.raises(BackupError, match=victim.path):
        restore(tmp_path / "kept", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    back_up(settings, tmp_path / "kept", now=NOW + timedelta(days=1))
    assert damage(tmp_path / "kept", backup) == [], "the next backup mends what it still can"


def test_a_changed_list_is_refused(settings: Settings, tmp_path: Path) -> None:
    report = back_up(settings, tmp_path / "kept", now=NOW)
    path = tmp_path / "kept" / "backups" / f"{report.name}.json"
    path.write_text(path.read_text().replace('"to_seq": 3', '"to_seq": 2'))
    with pytest.raises(BackupError, match=r"damaged \(its checksum differs\)"):
        restore(tmp_path / "kept", tmp_path / "new")


def test_a_list_that_names_files_outside_a_home_is_refused(settings: Settings, tmp_path: Path) -> None:
    import hashlib

    report = back_up(settings, tmp_path / "kept", now=NOW)
    path = tmp_path / "kept" / "backups" / f"{report.name}.json"
    record = json.loads(path.read_text().partition("\n")[2])
    record["items"][0]["path"] = "../../escaped"
    body = json.dumps(record)
    path.write_text(f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}")
    with pytest.raises(BackupError, match="not a file of a home"):
        restore(tmp_path / "kept", tmp_path / "new")


def test_a_damaged_lake_is_not_backed_up_over_a_good_copy(settings: Settings, tmp_path: Path) -> None:
    file = next((settings.lake_dir / "landed" / "orders").glob("*.parquet"))
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(BackupError, match="does not match the lake's manifest"):
        back_up(settings, tmp_path / "kept", now=NOW)
    assert backups(tmp_path / "kept") == []


def refused_home(tmp_path: Path) -> Path:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    return tmp_path / "full"


def a_file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("mine")
    return tmp_path / "file"


@pytest.mark.parametrize("place", [refused_home, a_file])
def test_a_home_that_holds_something_is_never_overwritten(
    settings: Settings, tmp_path: Path, place: Callable[[Path], Path]
) -> None:
    back_up(settings, tmp_path / "kept", now=NOW)
    into = place(tmp_path)
    with pytest.raises(BackupError, match="not empty"):
        restore(tmp_path / "kept", into)
    assert (into / "mine.txt" if into.is_dir() else into).read_text() == "mine"


def test_a_backup_inside_the_home_is_refused(settings: Settings) -> None:
    with pytest.raises(BackupError, match="another disk"):
        back_up(settings, settings.home / "kept", now=NOW)


def test_a_key_from_the_settings_is_not_kept_and_its_fingerprint_is(settings: Settings, tmp_path: Path) -> None:
    given = settings.model_copy(update={"id_key": SecretStr("hush-hush")})
    (settings.home / "id.key").unlink()
    assert back_up(given, tmp_path / "kept", now=NOW).id_key == "settings"
    everything = b"".join(path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file())
    assert b"hush-hush" not in everything
    assert len(read_backup(tmp_path / "kept").id_key_fingerprint) == 16


def test_a_damaged_store_is_said_and_not_kept(settings: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(settings.home / "store.db")) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    data = bytearray((settings.home / "store.db").read_bytes())
    data[4096:8192] = b"\xff" * 4096
    (settings.home / "store.db").write_bytes(data)
    with pytest.raises(BackupError, match="store"):
        back_up(settings, tmp_path / "kept", now=NOW)
    assert backups(tmp_path / "kept") == []
