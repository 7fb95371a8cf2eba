"""Opening the store: connection settings, transactions, and bringing its tables up to date.

SQLite: WAL, ``synchronous=FULL``, 30 s busy time-out, and every write starts with BEGIN IMMEDIATE. A transaction that
reads first and writes later would fail with "database is locked" at once when somebody else wrote in between; the
time-out does not help there.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout

from models.errors import ExpectedError
from models.killpoints import killpoint
from models.store.tables import HEAD

BUSY_SECONDS = 30
MIGRATION_SECONDS = 120
MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(ExpectedError):
    """The store cannot be opened or refused a write; the message says why and what to do."""


class Database:
    """Transactions on the store. ``open_database`` makes one."""

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        self.path = path
        self._reads = engine
        self._writes = engine.execution_options(begin="immediate")

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view of the store for the whole block."""
        with self._reads.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction, alone among writers from its first statement; committed at the end, or not at all."""
        with self._writes.begin() as connection:
            yield connection
            killpoint("store.before_commit")
        killpoint("store.committed")

    def close(self) -> None:
        self._reads.dispose()


def open_database(address: str) -> Database:
    """Open the store at a SQLAlchemy URL, created or migrated to the newest tables when it is not there yet.

    Raises StoreError for an address that is not an SQLite file, for a damaged one, and for a store that a newer release
    wrote.
    """
    try:
        url = sa.make_url(address)
    except sa.exc.ArgumentError as error:
        raise StoreError("store_url is not a database URL, such as sqlite:////var/siyu/store.db") from error
    if url.get_backend_name() != "sqlite":
        raise StoreError(f"store_url names {url.get_backend_name()}; this release keeps the store in SQLite only")
    if not url.database or url.database == ":memory:":
        raise StoreError("store_url must name a file, because several processes share the store")
    path = Path(url.database)
    engine = _engine(url)
    try:
        if not _up_to_date(engine, path):
            _create_or_migrate(engine, path)
    except sa.exc.DatabaseError as error:
        engine.dispose()  # a file left open would keep a full disk busy
        raise StoreError(
            f"{path} cannot be opened as the store: {error.orig}; mend store_url, or restore it"
        ) from error
    return Database(engine, path)


def _engine(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver starts no transaction of its own: BEGIN is ours, below
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
        connection.execute(
            "pragma recursive_triggers = on"
        )  # else INSERT OR REPLACE deletes past the ledgers' triggers

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        kind = connection.get_execution_options().get("begin", "deferred")
        connection.exec_driver_sql(f"begin {kind}")

    return engine


def _up_to_date(engine: sa.Engine, path: Path) -> bool:
    if not path.exists():
        return False
    with engine.connect() as connection:
        if connection.exec_driver_sql("pragma journal_mode").scalar() != "wal":
            return False
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        return connection.exec_driver_sql("select version_num from alembic_version").scalar() == HEAD


def _create_or_migrate(engine: sa.Engine, path: Path) -> None:
    """Under a lock, because two processes may come first at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path.with_name(path.name + ".migrating"), timeout=MIGRATION_SECONDS):
            # The store holds personal values: the file belongs to its owner alone. WAL files take over its mode.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as plain:  # not possible inside a transaction
                plain.execute("pragma journal_mode = wal")
            killpoint("store.created")
            with engine.execution_options(begin="immediate").begin() as connection:
                _upgrade(connection)
                killpoint("store.migrated")
    except Timeout:
        raise StoreError(f"another process has been migrating {path} for {MIGRATION_SECONDS} s") from None


def _upgrade(connection: sa.Connection) -> None:
    # Imported here: Alembic costs a third of a second, and a store that is up to date does not need it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(f"the store was written by another release ({error}); upgrade, or restore a backup") from error
