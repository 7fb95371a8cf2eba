"""The lake: immutable batches, exactly once, numbered by one manifest that is committed last.

Layout under the lake's root::

    manifest.jsonl                      one line per committed entry, in sequence; a line is the commit
    landed|decided|documents|artifacts|quarantine/<dataset>/<seq>-<n>.<suffix>
    writing/<uuid>/                     files of batches that are not committed

A batch is written and fsynced under ``writing``; then, under an OS file lock that the kernel frees on death, it
gets the next sequence number, its files are renamed into place, and one line is appended to the manifest and
fsynced. A reader sees a batch if and only if its line is whole. A batch whose key is already there is a no-op.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from filelock import FileLock, Timeout

from models.contracts import BATCH_COLUMN, CONTRACTS, contract
from models.errors import ExpectedError
from models.files import file_sha256, fsync_file, fsync_folder, write_parquet
from models.killpoints import killpoint

Zone = Literal["landed", "decided", "documents", "artifacts", "quarantine"]
ZONES: tuple[Zone, ...] = ("landed", "decided", "documents", "artifacts", "quarantine")
LOCK_SECONDS = 600  # a batch of a million rows commits in seconds; longer means a writer that hangs


class LakeError(ExpectedError):
    """The lake refused a batch or found damage; the message says which file and what to do."""


@dataclass(frozen=True)
class Accounting:
    """Rows of a source file or page: every one is accepted, quarantined or skipped. Raises LakeError otherwise."""

    rows: int
    accepted: int
    quarantined: int = 0
    skipped: int = 0

    def __post_init__(self) -> None:
        if self.accepted + self.quarantined + self.skipped != self.rows:
            raise LakeError(
                f"rows do not add up: {self.accepted} accepted + {self.quarantined} quarantined + "
                f"{self.skipped} skipped is not {self.rows} in the source; nothing was landed"
            )


@dataclass(frozen=True)
class Part:
    """One file of a batch: a frame (Parquet) or bytes with a suffix. Frames of a contract are conformed to it."""

    zone: Zone
    dataset: str
    frame: pl.DataFrame | None = None
    content: bytes | None = None
    suffix: str = "parquet"


@dataclass(frozen=True)
class File:
    """A committed file: path relative to the lake's root, rows (0 for bytes), bytes and sha256."""

    zone: Zone
    dataset: str
    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """One committed line of the manifest."""

    seq: int
    key: str
    source: str
    files: tuple[File, ...]
    landed_at: str
    accounting: Accounting | None = None
    cursor: Mapping[str, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Commit:
    entry: Entry
    repeated: bool  # True: the same batch was already there, nothing was written


def content_key(*pieces: str | bytes) -> str:
    """A batch key from what makes the batch: sha256 over length-prefixed pieces, 32 hex digits."""
    digest = hashlib.sha256()
    for piece in pieces:
        data = piece.encode() if isinstance(piece, str) else piece
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]


class Lake:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / "manifest.jsonl"
        self._entries: list[Entry] = []
        self._keys: dict[str, Entry] = {}
        self._read_bytes = 0

    # ------------------------------------------------------------------ reading

    def entries(self, to_seq: int | None = None) -> list[Entry]:
        """Committed entries in sequence, up to and including ``to_seq``."""
        self._refresh()
        return [entry for entry in self._entries if to_seq is None or entry.seq <= to_seq]

    def head(self) -> int:
        """The newest sequence number; 0 in an empty lake."""
        self._refresh()
        return self._entries[-1].seq if self._entries else 0

    def find(self, key: str) -> Entry | None:
        self._refresh()
        return self._keys.get(key)

    def cursor(self, source: str) -> Mapping[str, Any] | None:
        """The cursor of the newest entry of a source: the only place from which a cursor is read."""
        return next((e.cursor for e in reversed(self.entries()) if e.source == source and e.cursor is not None), None)

    def files(self, zone: Zone, dataset: str, to_seq: int | None = None) -> list[tuple[Entry, File]]:
        return [
            (entry, file)
            for entry in self.entries(to_seq)
            for file in entry.files
            if file.zone == zone and file.dataset == dataset
        ]

    def datasets(self, zone: Zone) -> list[str]:
        return sorted({file.dataset for entry in self.entries() for file in entry.files if file.zone == zone})

    def read(self, zone: Zone, dataset: str, to_seq: int | None = None) -> pl.DataFrame:
        """All committed rows of a dataset, in sequence. A dataset without files has zero rows."""
        paths = [self.root / file.path for _, file in self.files(zone, dataset, to_seq)]
        if not paths:
            return contract(dataset).empty() if dataset in CONTRACTS else pl.DataFrame()
        return pl.concat([pl.read_parquet(path) for path in paths], how="diagonal_relaxed")

    def content(self, file: File) -> bytes:
        """The bytes of a committed file, verified. Raises LakeError when they were changed."""
        data = (self.root / file.path).read_bytes()
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise LakeError(f"{file.path}: content does not match the manifest; restore it from a backup")
        return data

    def verify(self) -> list[str]:
        """Damage found by a full read of every committed file; empty when all is well."""
        problems = []
        for entry in self.entries():
            for file in entry.files:
                path = self.root / file.path
                if not path.exists():
                    problems.append(f"{file.path}: missing (entry {entry.seq})")
                elif file_sha256(path) != file.sha256:
                    problems.append(f"{file.path}: content differs from the manifest (entry {entry.seq})")
        return problems

    def _refresh(self) -> None:
        """Read the lines that were added; a last line without its newline is not committed and not read.

        A writer whose disk failed takes its line back: a reader that saw the line then starts over.
        Raises LakeError when a committed line is damaged or missing.
        """
        size = self.manifest.stat().st_size if self.manifest.exists() else 0
        if size == self._read_bytes:
            return
        if size > self._read_bytes > 0:
            try:
                self._read_on()
            except LakeError:  # the lines before may not be those that were read
                self._start_over()
        else:
            self._start_over()

    def _start_over(self) -> None:
        self._entries, self._keys, self._read_bytes = [], {}, 0
        if self.manifest.exists():
            self._read_on()

    def _read_on(self) -> None:
        with self.manifest.open("rb") as stream:
            stream.seek(self._read_bytes)
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        found = [_parse(line, self.manifest) for line in whole.split(b"\n")[:-1]]
        for seq, entry in enumerate(found, start=len(self._entries) + 1):
            if entry.seq != seq:
                raise LakeError(
                    f"{self.manifest}: line {seq} holds batch {entry.seq}; a line is missing or was changed: "
                    "restore the manifest from a backup"
                )
        self._entries += found
        self._keys |= {entry.key: entry for entry in found}
        self._read_bytes += len(whole)

    # ------------------------------------------------------------------ writing

    def commit(
        self,
        *,
        source: str,
        key: str,
        parts: Sequence[Part],
        accounting: Accounting | None = None,
        cursor: Mapping[str, Any] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Commit:
        """Land one batch, all parts or none. A key that is already committed is a no-op.

        Raises LakeError when the lock is held for too long, OSError when the disk refuses (nothing is committed then).
        """
        if (known := self.find(key)) is not None:
            return Commit(known, repeated=True)
        with self._scratch() as scratch:
            written = [_write(part, scratch, number, key) for number, part in enumerate(parts)]
            killpoint("lake.parts_synced")
            with self._locked():
                self._drop_torn_tail()
                if (known := self.find(key)) is not None:
                    return Commit(known, repeated=True)
                seq = self.head() + 1
                entry = Entry(
                    seq=seq,
                    key=key,
                    source=source,
                    files=tuple(self._place(path, file, seq) for path, file in written),
                    landed_at=datetime.now(UTC).isoformat(timespec="seconds"),
                    accounting=accounting,
                    cursor=cursor,
                    details=details or {},
                )
                killpoint("lake.before_line")
                self._append(entry)
                killpoint("lake.committed")
        self._refresh()
        return Commit(entry, repeated=False)

    def sweep(self) -> int:
        """Delete what dead writers left: scratch folders, and placed files that no line names. Returns the count.

        Safe beside living writers: they place files and append their line under the same lock.
        """
        removed = 0
        with self._locked():
            self._drop_torn_tail()
            if self.manifest.exists():
                fsync_file(self.manifest)  # a line that was taken back must not return without its files
            known = {file.path for entry in self.entries() for file in entry.files}
            for zone in ZONES:
                for path in (self.root / zone).glob("*/*"):
                    if str(path.relative_to(self.root)) not in known:
                        path.unlink()
                        killpoint("lake.swept")
                        removed += 1
            for folder in (self.root / "writing").glob("*"):
                try:
                    with FileLock(folder / ".alive", blocking=False):
                        shutil.rmtree(folder, ignore_errors=True)
                        removed += 1
                except (Timeout, FileNotFoundError):
                    continue  # its writer lives, or has just ended and taken it away
        return removed

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder for files not yet committed, with a lock that tells a sweeper that its writer lives."""
        folder = self.root / "writing" / uuid.uuid4().hex
        alive = FileLock(folder / ".alive")
        try:
            with self._locked():  # no sweeper between the folder and its lock
                folder.mkdir(parents=True)
                alive.acquire()
            try:
                yield folder
            finally:
                alive.release()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.root / ".lock", timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise LakeError(f"another process has held {self.root / '.lock'} for {LOCK_SECONDS} s") from None

    def _drop_torn_tail(self) -> None:
        """Under the lock: cut a line that a dead writer left without its end."""
        self._refresh()
        if self.manifest.exists() and self.manifest.stat().st_size > self._read_bytes:
            os.truncate(self.manifest, self._read_bytes)

    def _place(self, path: Path, file: File, seq: int) -> File:
        number, suffix = path.name.split(".", 1)
        target = self.root / file.zone / file.dataset / f"{seq:012d}-{number}.{suffix}"
        if not target.parent.exists():
            target.parent.mkdir(parents=True)
            for folder in (target.parent.parent, self.root):  # a new folder must not be lost with its files
                fsync_folder(folder)
        path.replace(target)
        killpoint("lake.part_placed")
        fsync_folder(target.parent)
        return File(**{**asdict(file), "path": str(target.relative_to(self.root))})

    def _append(self, entry: Entry) -> None:
        rest = memoryview(_format(entry))
        # Not a buffered stream: closing one writes again what failed, after the line was taken back.
        descriptor = os.open(self.manifest, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            before = os.fstat(descriptor).st_size
            try:
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                killpoint("lake.line_written")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)
        if before == 0:
            fsync_folder(self.root)
            fsync_folder(self.root.parent)


def _write(part: Part, scratch: Path, number: int, key: str) -> tuple[Path, File]:
    path = scratch / f"{number}.{part.suffix}"
    rows = 0
    if part.frame is not None:
        frame = part.frame.with_columns(pl.lit(key).alias(BATCH_COLUMN))
        if part.zone in ("landed", "decided"):
            frame = contract(part.dataset).conform(frame)
        write_parquet(frame, path, compression_level=1)
        rows = frame.height
    else:
        path.write_bytes(part.content or b"")
    killpoint("lake.part_written")
    fsync_file(path)
    return path, File(part.zone, part.dataset, "", rows, path.stat().st_size, file_sha256(path))


def _format(entry: Entry) -> bytes:
    body = json.dumps(asdict(entry), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{hashlib.sha256(body.encode()).hexdigest()[:16]} {body}\n".encode()


def _parse(line: bytes, manifest: Path) -> Entry:
    checksum, _, body = line.partition(b" ")
    if hashlib.sha256(body).hexdigest()[:16] != checksum.decode(errors="replace"):
        raise LakeError(f"{manifest}: a committed line is damaged; restore the manifest from a backup")
    record = json.loads(body)
    record["files"] = tuple(File(**file) for file in record["files"])
    if record["accounting"] is not None:
        record["accounting"] = Accounting(**record["accounting"])
    return Entry(**record)
