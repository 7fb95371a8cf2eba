"""Dagster's log of a run in SQLite, without a wait for the disk after each event.

A run writes some 1,500 events, each into two files, each by a connection of its own: opened, committed, closed. Left to
itself, SQLite waits for the disk twice each time, once for the commit and once because the last connection that closes
clears the journal away: a third of a small company's run. The log is no record of the business (that is the lake, and a
publication waits for the disk): it may lose its last events when the power fails. It does not break by that, and loses
nothing when a process dies.

Each of those connections also belongs to an engine of its own, for which SQLAlchemy would put each statement into words
anew: a quarter of Dagster's time. The words of the same statement for SQLite are the same, so they are kept.
"""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event


class _Kept(sqlite3.Connection):
    """A connection that is lent: to close it is to give it back."""

    idle: list["_Kept"] | None = None

    def close(self) -> None:
        if self.idle is None:
            super().close()
        else:
            self.rollback()
            self.idle.append(self)


class _Compiled(dict[tuple[Any, ...], Any]):
    """Compiled statements, whichever engine's dialect they were compiled for.

    The dialect is the first part of the key that SQLAlchemy 2 asks by (``ClauseElement._compile_w_cache``); all that
    come here are SQLite's, made with the same options.
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


@contextmanager
def unhurried(folder: Path) -> Iterator[None]:
    """Every SQLite file below the folder that SQLAlchemy opens in this process is written so, for a while."""
    inside = folder.resolve()
    idle: dict[Path, list[_Kept]] = defaultdict(list)
    compiled = _Compiled()
    opened: list[_Kept] = []
    lending = threading.Lock()

    def connect(dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> sqlite3.Connection | None:
        if dialect.name != "sqlite" or not (path := Path(arguments[0])).is_relative_to(inside):
            return None  # SQLAlchemy connects as ever
        with lending:
            if idle[path]:
                return idle[path].pop()
        # any thread may have it next
        found: _Kept = sqlite3.connect(path, **{**options, "factory": _Kept, "check_same_thread": False})
        found.execute("pragma synchronous = normal")
        found.idle = idle[path]
        opened.append(found)
        return found

    def keep_statements(connection: Connection) -> None:
        if connection.dialect.name == "sqlite" and Path(connection.engine.url.database or "").is_relative_to(inside):
            connection.execution_options(compiled_cache=compiled)

    event.listen(Engine, "do_connect", connect)
    event.listen(Engine, "engine_connect", keep_statements)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", connect)
        event.remove(Engine, "engine_connect", keep_statements)
        for connection in opened:
            connection.idle = None
            connection.close()
