"""Opening published snapshots: read-only, locked down, verified, never backwards.

DuckDB has no notion of an untrusted user, so a reader's connection can do nothing but read its one file: no other
file, no network, no setting. A single flipped bit opens without a word (only the query that touches it fails), so
the sha256 of a file is checked once per process before it is served.
"""

import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl

from models.contracts.published import check
from models.errors import ExpectedError
from models.files import file_sha256
from models.serving.pointer import CURRENT, Pointer, PointerError, available, read_pointer


class SnapshotDamagedError(ExpectedError):
    """No snapshot verifies; the message names the files."""


class NoSnapshotError(ExpectedError):
    """Nothing was published yet."""


class Snapshot:
    """One open version. ``replaces`` is the damaged newer version in whose place it is served, or None."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, pointer: Pointer, replaces: Pointer | None = None
    ) -> None:
        self._connection = connection
        self.pointer = pointer
        self.replaces = replaces

    def query(self, sql: str, parameters: Mapping[str, object]) -> pl.DataFrame:
        """Rows of static SQL with bound parameters. Thread-safe: a result holds its cursor, so each gets its own."""
        cursor = self._connection.cursor()
        try:
            frame: pl.DataFrame = cursor.sql(sql, params=dict(parameters)).pl()
            return frame
        finally:
            cursor.close()


class Snapshots:
    """The snapshots of a ``published`` folder, for a process that reads them.

    ``current()`` looks at the pointer each time; a page calls it once per rerun and asks everything of that one
    answer, so that a page never mixes two publications.
    """

    def __init__(self, folder: Path, threads: int = 2, memory_limit: str = "1GB") -> None:
        self.folder = folder
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "enable_external_access": "false",
            "lock_configuration": "true",
            # offline: a missing feature fails at once, without trying the network
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            # the default is <snapshot>.tmp beside the snapshot, where only the publisher may write
            "temp_directory": str(Path(tempfile.gettempdir()) / "siyu-readers"),
            "threads": str(threads),
            "memory_limit": memory_limit,
        }
        self._lock = threading.Lock()
        self._open: Snapshot | None = None
        self._stamped: tuple[int, int, int] | None = None
        self._seen: Pointer | None = None  # the pointer that led to what is open
        self._verified: set[tuple[str, str]] = set()

    def current(self) -> Snapshot:
        """The current snapshot, reopened when the pointer moved.

        A pointer with a smaller publication number than one already seen is ignored: readers never go backwards
        (a roll-back is a new publication). When the file does not verify, the newest older version that does is
        served and names the damaged one in ``replaces``. Raises NoSnapshotError, SnapshotDamagedError.
        """
        with self._lock:
            stamp = self._stamp()
            if self._open is not None and stamp is not None and stamp == self._stamped:
                return self._open
            pointer = self._read()
            self._stamped = stamp
            if self._open is not None and self._seen is not None and pointer.publication <= self._seen.publication:
                return self._open
            self._open = self._first_sound(pointer)
            self._seen = pointer
            return self._open

    def _stamp(self) -> tuple[int, int, int] | None:
        """What changes when the pointer is replaced. Taken before it is read: a newer one is then seen next time."""
        try:
            found = (self.folder / CURRENT).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def available(self) -> list[Pointer]:
        """Versions that can be read or rolled back to, the last published first."""
        return available(self.folder)

    def _read(self) -> Pointer:
        """The pointer; a torn or missing one is an accident as long as something is open."""
        try:
            pointer = read_pointer(self.folder)
        except PointerError as error:
            if self._seen is None:
                raise SnapshotDamagedError(str(error)) from error
            return self._seen
        if pointer is None:
            if self._seen is None:
                raise NoSnapshotError(f"nothing is published in {self.folder}; `scrm run` publishes")
            return self._seen
        return pointer

    def _first_sound(self, pointer: Pointer) -> Snapshot:
        """The pointer's own file, else what is open, else the newest older version that verifies."""
        if self._sound(pointer):
            return Snapshot(self._connect(pointer), pointer)
        if self._open is not None:
            return Snapshot(self._open._connection, self._open.pointer, replaces=pointer)
        versions = self.available()
        # after a roll-back the pointer's own number is newer than the file it names
        published = min([pointer.publication, *(v.publication for v in versions if v.file == pointer.file)])
        for older in versions:
            if older.publication < published and self._sound(older):
                return Snapshot(self._connect(older), older, replaces=pointer)
        raise SnapshotDamagedError(
            f"{pointer.file} does not match its sha256 (or is gone) and no older snapshot in {self.folder} verifies; "
            "run `scrm run` to publish again"
        )

    def _sound(self, pointer: Pointer) -> bool:
        """The file is there with its size and sha256; the hash is computed once per file and process."""
        key = (pointer.file, pointer.sha256)
        path = self.folder / pointer.file
        try:
            if path.stat().st_size != pointer.bytes:
                return False
            if key not in self._verified and file_sha256(path) != pointer.sha256:
                return False
        except FileNotFoundError:
            return False
        self._verified.add(key)
        return True

    def _connect(self, pointer: Pointer) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(self.folder / pointer.file, read_only=True, config=self._config)
        check(connection)
        return connection
