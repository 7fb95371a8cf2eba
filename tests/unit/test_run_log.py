"""Dagster's log of a run is written without waiting for the disk and by one engine, only for a while."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.in_memory import InMemoryEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import Engine, event

from pipelines.run_log import unhurried


@pytest.fixture
def log(tmp_path: Path) -> SqliteEventLogStorage:
    return SqliteEventLogStorage(str(tmp_path))


@pytest.fixture
def engines() -> Iterator[set[int]]:
    """Every engine that connects during the test."""
    seen: set[int] = set()

    def note(connection: object) -> None:
        seen.add(id(connection.engine))  # type: ignore[attr-defined]
        kept.append(connection.engine)  # type: ignore[attr-defined]

    kept: list[Engine] = []  # an id is one engine's only while that one lives
    event.listen(Engine, "engine_connect", note)
    yield seen
    event.remove(Engine, "engine_connect", note)


def synchronous(log: SqliteEventLogStorage) -> int:
    """How this log waits for the disk: 1 normal, 2 full."""
    with log.run_connection("run") as connection:
        return int(connection.exec_driver_sql("pragma synchronous").scalar_one())


def test_only_for_a_while(log: SqliteEventLogStorage) -> None:
    assert synchronous(log) == 2
    with unhurried(log):
        assert synchronous(log) == 1
    assert synchronous(log) == 2


def test_one_engine_writes_each_file(log: SqliteEventLogStorage, engines: set[int]) -> None:
    with unhurried(log):
        for _ in range(3):
            synchronous(log)
            with log.index_connection() as connection:
                connection.exec_driver_sql("select 1")
    assert len(engines) == 2


def test_what_was_committed_is_there_for_others_at_once_and_afterwards(
    log: SqliteEventLogStorage, tmp_path: Path
) -> None:
    def told() -> int:
        with closing(sqlite3.connect(tmp_path / "run.db")) as other:
            (found,) = other.execute("select count(*) from told").fetchone()
        return int(found)

    journal = tmp_path / "run.db-wal"
    with unhurried(log):
        with log.run_connection("run") as connection:
            connection.exec_driver_sql("create table told (number integer)")
        for number in range(1, 4):
            with log.run_connection("run") as connection:
                connection.exec_driver_sql(f"insert into told values ({number})")
            assert told() == number
        assert journal.exists(), "it is not cleared away with each event"
    assert not journal.exists()
    assert told() == 3


def test_what_failed_is_not_kept(log: SqliteEventLogStorage) -> None:
    with unhurried(log):
        with log.run_connection("run") as connection:
            connection.exec_driver_sql("create table told (number integer)")
        with pytest.raises(RuntimeError), log.run_connection("run") as connection:
            connection.exec_driver_sql("insert into told values (1)")
            raise RuntimeError
        with log.run_connection("run") as connection:
            assert connection.exec_driver_sql("select count(*) from told").scalar_one() == 0


def test_a_run_is_told_to_the_end_and_can_be_read_afterwards(tmp_path: Path) -> None:
    @dg.asset
    def one() -> None:
        """Materialised once."""

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        with unhurried(instance.event_log_storage):
            assert dg.materialize([one], instance=instance).success
        record = instance.get_latest_materialization_event(dg.AssetKey("one"))
        assert record is not None
        assert instance.get_run_stats(record.run_id).materializations == 1


def test_a_log_of_another_kind_is_left_alone() -> None:
    log = InMemoryEventLogStorage()
    with unhurried(log):
        assert "_connect" not in vars(log)
