"""Dagster's log of a run in SQLite, without a wait for the disk and without a new engine for each event.

A run writes some 1,500 events into two files. Left to itself, Dagster makes an engine for each statement, which
connects, asks the file how it is set up and puts the statement into words anew: a tenth of a small company's run. And
SQLite waits for the disk twice each time, once for the commit and once because the last connection that closes clears
the journal away: a third. The log is no record of the business (that is the lake, and a publication waits for the
disk): it may lose its last events when the power fails. It does not break by that, and loses nothing when a process
dies.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event


def _engine(address: str) -> Engine:
    # any thread may have a connection next, one after the other
    options = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    engine = create_engine(address, poolclass=QueuePool, connect_args=options)

    @event.listens_for(engine, "connect")
    def _do_not_wait(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("pragma synchronous = normal")

    return engine


@contextmanager
def unhurried(log: object) -> Iterator[None]:
    """What this log writes, it writes so for a while. A log that is not of SQLite is left as it is.

    Takes the place of the one method through which all statements of the log go; Dagster offers no setting for it.
    """
    if not isinstance(log, SqliteEventLogStorage):
        yield
        return
    engines: dict[str, Engine] = {}

    @contextmanager
    def connect(shard: str) -> Iterator[Connection]:
        with log._db_lock:
            if shard not in engines:
                engines[shard] = _engine(log.conn_string_for_shard(shard))
            if shard not in log._initialized_dbs:
                log._initdb(engines[shard])
                log._initialized_dbs.add(shard)
            with engines[shard].begin() as connection:
                yield connection

    vars(log)["_connect"] = connect
    try:
        yield
    finally:
        del vars(log)["_connect"]
        for engine in engines.values():
            engine.dispose()
