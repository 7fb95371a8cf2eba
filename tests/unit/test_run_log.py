"""Dagster's log of a run is written without waiting for the disk, and nothing else is."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, NullPool, String, Table, create_engine, event, select, text

from pipelines.run_log import unhurried


def mode(path: Path) -> int:
    """How this process waits for the disk with this file: 1 normal, 2 full."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("pragma synchronous").scalar_one())


def test_only_files_of_the_folder_and_only_for_a_while(tmp_path: Path) -> None:
    log, store = tmp_path / "dagster" / "history" / "index.db", tmp_path / "store.db"
    log.parent.mkdir(parents=True)
    with unhurried(tmp_path / "dagster"):
        assert (mode(log), mode(store)) == (1, 2)
    assert (mode(log), mode(store)) == (2, 2)


def test_what_was_committed_is_there_for_others_at_once_and_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "run.db"

    def told() -> int:
        with closing(sqlite3.connect(path)) as other:
            (found,) = other.execute("select count(*) from events").fetchone()
        return int(found)

    def write(*statements: str) -> None:
        with create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection, connection.begin():
            for statement in statements:
                connection.execute(text(statement))

    with unhurried(tmp_path):
        write("pragma journal_mode = wal", "create table events (number integer)")
        for number in range(1, 4):
            write(f"insert into events values ({number})")
            assert told() == number
        journal = path.with_name("run.db-wal")
        assert journal.exists(), "it is not cleared away with each event"
    assert not journal.exists()
    assert told() == 3


def test_what_was_not_committed_is_gone_when_a_connection_is_given_back(tmp_path: Path) -> None:
    with unhurried(tmp_path):
        engine = create_engine(f"sqlite:///{tmp_path / 'run.db'}", poolclass=NullPool)
        with engine.connect() as connection, connection.begin():
            connection.execute(text("create table events (number integer)"))
        with engine.connect() as connection:
            connection.execute(text("insert into events values (1)"))
        with engine.connect() as connection:
            assert connection.execute(text("select count(*) from events")).scalar_one() == 0


def test_a_statement_is_put_into_words_once_and_takes_each_callers_values(tmp_path: Path) -> None:
    """Dagster opens an engine for each event: without this, each would compile its statements anew."""
    events = Table("events", MetaData(), Column("number", Integer), Column("kind", String))
    compiled = []

    def ask(number: int, kind: str) -> list[str]:
        engine = create_engine(f"sqlite:///{tmp_path / 'run.db'}", poolclass=NullPool)
        event.listen(engine, "before_cursor_execute", lambda *said: compiled.append(said[4].cache_hit.name))
        with engine.begin() as connection:
            connection.execute(events.insert().values(number=number, kind=kind))
        with engine.connect() as connection:
            return list(connection.scalars(select(events.c.kind).where(events.c.number == number)))

    with unhurried(tmp_path):
        events.create(create_engine(f"sqlite:///{tmp_path / 'run.db'}", poolclass=NullPool))
        assert [ask(1, "first"), ask(2, "second"), ask(3, "third")] == [["first"], ["second"], ["third"]]
    assert compiled == ["CACHE_MISS"] * 2 + ["CACHE_HIT"] * 4
    assert ask(4, "fourth") == ["fourth"]
    assert compiled[-2:] == ["CACHE_MISS"] * 2, "only for a while"
