"""Readers of published snapshots: locked down, verified, never backwards, never torn (faults 28, 32, 33)."""

import random
import threading
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from models.contracts.published import ContractError
from models.files import file_sha256
from models.serving import (
    NoSnapshotError,
    PointerError,
    SnapshotDamagedError,
    Snapshots,
    Viewer,
    available,
    read_pointer,
    run,
    write_pointer,
)
from models.serving.pointer import CURRENT, Pointer, from_json, to_json
from tests.factories_snapshot import BUSINESS_DATE, build_snapshot

OWNER = Viewer.owner_of_the_company()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three publications of following days, small; tests copy the folder."""
    folder = tmp_path_factory.mktemp("made")
    for publication in (1, 2, 3):
        day = BUSINESS_DATE + timedelta(days=publication)
        build_snapshot(folder, customers=3, orders=5, publication=publication, business_date=day)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def _day(snapshots: Snapshots) -> date:
    return run(snapshots, "publication", OWNER)["business_date"][0]


def _flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def _versions(folder: Path) -> dict[int, Pointer]:
    return {pointer.publication: pointer for pointer in available(folder)}


def test_nothing_published_is_said(tmp_path):
    with pytest.raises(NoSnapshotError):
        Snapshots(tmp_path).current()


def test_pointer_survives_its_file(folder):
    pointer = read_pointer(folder)
    assert from_json(to_json(pointer), "x") == pointer
    assert [p.publication for p in available(folder)] == [3, 2, 1]


@pytest.mark.parametrize(
    "file", ["../serve-1.duckdb", "serve-../x.duckdb", "/etc/passwd", "serve-1.db", "serve-a..b.duckdb"]
)
def test_pointer_stays_in_its_folder(folder, file):
    text = to_json(read_pointer(folder)).replace(read_pointer(folder).file, file)
    with pytest.raises(PointerError, match="not the name of a snapshot"):
        from_json(text, "current.json")


def test_pointer_is_not_moved_to_a_missing_file_or_backwards(folder):
    pointer = read_pointer(folder)
    with pytest.raises(FileNotFoundError):
        write_pointer(folder, replace(pointer, file="serve-gone.duckdb", publication=9))
    with pytest.raises(PointerError, match="never go backwards"):
        write_pointer(folder, replace(_versions(folder)[1], publication=3))
    assert read_pointer(folder) == pointer
    assert not list(folder.glob("*.tmp"))


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_text('/etc/passwd')",
        "copy customers to 'out.csv'",
        "attach 'other.duckdb' as other",
        "set enable_external_access = true",
        "set memory_limit = '9GB'",
        "install httpfs",
        "create table mine as select 1",
        "delete from customers",
    ],
)
def test_a_reader_can_only_read_its_file(folder, statement):
    with pytest.raises(duckdb.Error):
        Snapshots(folder).current()._connection.cursor().execute(statement)
    assert not Path("out.csv").exists()


def test_reader_follows_the_pointer_and_its_old_answers_go_on(folder):
    snapshots = Snapshots(folder)
    old = snapshots.current()
    assert _day(snapshots) == BUSINESS_DATE + timedelta(days=3)
    build_snapshot(folder, customers=3, orders=5, publication=4, business_date=BUSINESS_DATE + timedelta(days=4))
    assert _day(snapshots) == BUSINESS_DATE + timedelta(days=4)
    assert run(old, "publication", OWNER)["business_date"][0] == BUSINESS_DATE + timedelta(days=3)


def test_an_older_pointer_is_an_accident_a_roll_back_is_not(folder):
    snapshots = Snapshots(folder)
    snapshots.current()
    first = _versions(folder)[1]
    (folder / CURRENT).write_text(to_json(first), encoding="utf-8")
    assert _day(snapshots) == BUSINESS_DATE + timedelta(days=3)
    write_pointer(folder, replace(first, publication=4))
    assert _day(snapshots) == BUSINESS_DATE + timedelta(days=1)
    assert _versions(folder)[1].sha256 == first.sha256  # what stands beside the file does not change


@pytest.mark.parametrize("damage", ["{", ""])
def test_a_torn_pointer_does_not_disturb_an_open_reader(folder, damage):
    snapshots = Snapshots(folder)
    snapshots.current()
    (folder / CURRENT).write_text(damage, encoding="utf-8")
    assert _day(snapshots) == BUSINESS_DATE + timedelta(days=3)
    with pytest.raises(SnapshotDamagedError):
        Snapshots(folder).current()


def test_any_flipped_bit_is_found_and_the_version_before_is_served(folder):
    newest = folder / _versions(folder)[3].file
    whole = newest.read_bytes()
    positions = random.Random(32).sample(range(len(whole)), 20)
    for position in positions:
        newest.write_bytes(whole)
        _flip(newest, position)
        snapshot = Snapshots(folder).current()
        assert snapshot.pointer.publication == 2
        assert snapshot.replaces is not None and snapshot.replaces.publication == 3


def test_truncated_and_missing_files_fall_back_too(folder):
    versions = _versions(folder)
    (folder / versions[3].file).write_bytes((folder / versions[3].file).read_bytes()[:-4096])
    (folder / versions[2].file).unlink()
    assert Snapshots(folder).current().pointer.publication == 1


def test_a_reader_that_is_open_stays_on_what_it_verified(folder):
    snapshots = Snapshots(folder)
    snapshots.current()
    fourth = build_snapshot(folder, customers=3, orders=5, publication=4)
    _flip(folder / fourth.file, 5000)
    for _ in range(2):
        assert snapshots.current().pointer.publication == 3
        assert snapshots.current().replaces == fourth
    build_snapshot(folder, customers=3, orders=5, publication=5)
    assert snapshots.current().replaces is None


def test_nothing_newer_than_a_roll_back_is_served_in_its_place(folder):
    versions = _versions(folder)
    write_pointer(folder, replace(versions[2], publication=4))
    _flip(folder / versions[2].file, 5000)
    assert Snapshots(folder).current().pointer.publication == 1


def test_all_damaged_shows_no_figure(folder):
    for pointer in available(folder):
        _flip(folder / pointer.file, 5000)
    with pytest.raises(SnapshotDamagedError, match="scrm run"):
        Snapshots(folder).current()


def test_a_snapshot_of_another_release_is_refused(folder):
    path = folder / "serve-old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table customers (customer_id varchar)")
    write_pointer(
        folder,
        replace(
            read_pointer(folder),
            file=path.name,
            publication=9,
            sha256=file_sha256(path),
            bytes=path.stat().st_size,
        ),
    )
    with pytest.raises(ContractError, match="orders is missing"):
        Snapshots(folder).current()


def test_many_readers_while_publishing(folder):
    """Fault 28: no error, and every answer is of one publication."""
    snapshots = Snapshots(folder)
    failures: list[BaseException] = []
    seen: list[date] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                snapshot = snapshots.current()
                day = run(snapshot, "publication", OWNER)["business_date"][0]
                assert day == snapshot.pointer.business_date
                seen.append(day)
        except BaseException as error:
            failures.append(error)
            raise

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    versions = _versions(folder)
    for publication in range(4, 24):
        write_pointer(folder, replace(versions[publication % 3 + 1], publication=publication))
    stop.set()
    for reader in readers:
        reader.join(30)
    assert not failures
    assert seen
