"""Backup and restore: everything that cannot be made again, cut at one sequence number, each byte under its sha256.

Layout of a backup folder::

    objects/<2 hex>/<sha256>        content, stored once however many backups name it
    backups/<time>-<seq>.json       one backup: its checksum, then what it holds; written last

What it holds: the lake up to one sequence number, the store (by SQLite's online backup, after the cut, so that it is
never older than the lake), the key of new customer ids, the settings file, and rule documents that are not the shipped
ones. The warehouse, snapshots and exports are made again by the next run.
"""

import hashlib
import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout

from models.errors import ExpectedError
from models.files import file_sha256, fsync_file, fsync_folder, replace_durably
from models.settings import PROJECT_ROOT, SETTINGS_FILE, Settings
from pipelines.lake import Lake

FORMAT = 1
LAST_BACKUP = "last-backup.json"  # in the home: what `scrm doctor` reads
SHIPPED_RULEBOOKS = PROJECT_ROOT / "data" / "rulebooks"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STORE_SECONDS = 60


class BackupError(ExpectedError):
    """A backup cannot be made, read or restored; the message names the file and what to do."""


@dataclass(frozen=True)
class Item:
    """One file of a home: its path there, and its content by sha256."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Backup:
    """What one backup holds. ``to_seq``: the lake's cut. ``id_key``: ``file``, ``settings`` (not held!) or ``none``."""

    name: str
    made_at: str
    release: str
    to_seq: int
    id_key: str
    id_key_fingerprint: str
    settings: Mapping[str, Any]
    items: tuple[Item, ...]


@dataclass(frozen=True)
class BackupReport:
    name: str
    to_seq: int
    files: int
    bytes: int
    new_files: int  # the others were there from an earlier backup
    new_bytes: int
    id_key: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


# ---------------------------------------------------------------------- making one


def back_up(settings: Settings, folder: Path, *, now: datetime, settings_file: Path | None = None) -> BackupReport:
    """Add one backup of the company's home to ``folder``, and read every byte of it back. ``now`` is aware.

    Imports may go on meanwhile: what lands after the cut is in the next backup. Raises BackupError when a file of the
    lake is damaged or another backup runs; nothing is recorded then, and earlier backups stay as they are.
    """
    folder = folder.expanduser().resolve()
    if folder.is_relative_to(settings.home):
        raise BackupError(f"{folder} is inside the home {settings.home}: a backup belongs on another disk")
    if not settings.home.exists():
        raise BackupError(f"there is nothing to back up: {settings.home} does not exist")
    with _alone(folder):
        with tempfile.TemporaryDirectory(dir=folder, prefix=".drafts-") as scratch:
            to_seq, sources = _sources(settings, Path(scratch), settings_file)
            objects = _Objects(folder / "objects")
            items = tuple(Item(path, objects.keep(path, source), source.bytes) for path, source in sources.items())
            objects.verify({item.path: (item, sources[item.path].file) for item in items})
        key, fingerprint = _id_key(settings)
        backup = Backup(
            name=f"{now:%Y%m%dT%H%M%SZ}-{to_seq}",
            made_at=now.isoformat(timespec="seconds"),
            release=version("siyu"),
            to_seq=to_seq,
            id_key=key,
            id_key_fingerprint=fingerprint,
            settings=settings.shown(),
            items=items,
        )
        _record(folder, backup)
    last = {"made_at": backup.made_at, "folder": str(folder), "name": backup.name, "to_seq": to_seq}
    (settings.home / LAST_BACKUP).write_text(json.dumps(last), encoding="utf-8")
    return BackupReport(
        name=backup.name,
        to_seq=to_seq,
        files=len(items),
        bytes=sum(item.bytes for item in items),
        new_files=objects.new_files,
        new_bytes=objects.new_bytes,
        id_key=key,
    )


@dataclass(frozen=True)
class _Source:
    file: Path
    bytes: int
    sha256: str = ""  # as the lake's manifest has it; empty: not known before it is read


def _sources(settings: Settings, scratch: Path, settings_file: Path | None) -> tuple[int, dict[str, _Source]]:
    """The cut, and path in the home → where its content is now. The lake first: the store may only be newer."""
    lake = Lake(settings.lake_dir)
    entries = lake.entries()
    found: dict[str, _Source] = {}
    if entries:
        lines = lake.manifest.read_bytes().split(b"\n")[: len(entries)]
        cut = scratch / "manifest.jsonl"
        cut.write_bytes(b"\n".join(lines) + b"\n")
        for entry in entries:
            for file in entry.files:
                found[f"lake/{file.path}"] = _Source(lake.root / file.path, file.bytes, file.sha256)
        found["lake/manifest.jsonl"] = _Source(cut, cut.stat().st_size)
    if (store := _copied_store(settings, scratch)) is not None:
        found["store.db"] = store
    plain: dict[str, Path | None] = {"id.key": settings.home / "id.key", SETTINGS_FILE: settings_file}
    if settings.rulebooks != SHIPPED_RULEBOOKS and settings.rulebooks.is_dir():
        for path in sorted(settings.rulebooks.rglob("*.yaml")):
            plain[f"rulebooks/{path.relative_to(settings.rulebooks).as_posix()}"] = path
    for name, original in plain.items():
        if original is not None and original.is_file():
            found[name] = _Source(original, original.stat().st_size)
    return len(entries), found


def _copied_store(settings: Settings, scratch: Path) -> _Source | None:
    """The store as one file of its own, consistent while others write; None when nobody has written yet."""
    database = sa.make_url(settings.store_address).database
    if not database or not Path(database).exists():
        return None
    target = scratch / "store.db"
    target.touch(mode=0o600)
    try:
        with (
            closing(sqlite3.connect(database, timeout=_STORE_SECONDS)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            (verdict,) = copy.execute("pragma integrity_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{database} cannot be read as the store: {error}") from error
    if verdict != "ok":
        raise BackupError(f"{database} is damaged ({verdict}): restore it from an earlier backup")
    return _Source(target, target.stat().st_size)


def key_fingerprint(key: str) -> str:
    """Tells two keys of customer ids apart without giving them away; empty for no key."""
    return hashlib.sha256(f"siyu id key: {key}".encode()).hexdigest()[:16] if key else ""


def _id_key(settings: Settings) -> tuple[str, str]:
    if given := settings.id_key.get_secret_value():
        return "settings", key_fingerprint(given)
    path = settings.home / "id.key"
    return ("file", key_fingerprint(path.read_text())) if path.exists() else ("none", "")


class _Objects:
    """Content by sha256, each stored once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.new_files = 0
        self.new_bytes = 0

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def keep(self, name: str, source: _Source) -> str:
        """Store content unless it is there, and return its sha256. Raises BackupError when the lake's own is wrong."""
        if source.sha256 and self.path(source.sha256).exists():
            return source.sha256
        draft = self.root / ".draft"
        digest = self._copy(name, source.file, draft)
        if source.sha256 and digest != source.sha256:
            draft.unlink()
            raise BackupError(f"{name}: content does not match the lake's manifest; restore it from an earlier backup")
        if self.path(digest).exists():
            draft.unlink()
            return digest
        self._place(draft, digest)
        self.new_files += 1
        self.new_bytes += source.bytes
        return digest

    def verify(self, items: Mapping[str, tuple[Item, Path]]) -> None:
        """Read every object back; one that an earlier backup left damaged is written anew. Raises BackupError."""
        for name, (item, source) in items.items():
            path = self.path(item.sha256)
            if file_sha256(path) == item.sha256:
                continue
            draft = self.root / ".draft"
            if self._copy(name, source, draft) != item.sha256:
                raise BackupError(f"{name}: it changed while it was copied; run the backup again")
            self._place(draft, item.sha256)
            if file_sha256(path) != item.sha256:
                raise BackupError(f"{name}: the disk under {self.root} does not give back what was written")

    def _copy(self, name: str, source: Path, draft: Path) -> str:
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)  # of a backup that died
        draft.touch(mode=0o600)
        digest = hashlib.sha256()
        try:
            with source.open("rb") as reading, draft.open("wb") as writing:
                while block := reading.read(1 << 20):
                    digest.update(block)
                    writing.write(block)
        except FileNotFoundError:
            raise BackupError(f"{name} is missing; restore it from an earlier backup") from None
        return digest.hexdigest()

    def _place(self, draft: Path, digest: str) -> None:
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_durably(draft, target)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(folder / ".lock", blocking=False):
            for draft in folder.glob(".drafts-*"):  # of a backup that died
                shutil.rmtree(draft)
            yield
    except Timeout:
        raise BackupError(f"another backup is being written to {folder}") from None


def _record(folder: Path, backup: Backup) -> None:
    body = json.dumps({"format": FORMAT, **asdict(backup)}, ensure_ascii=False, indent=1, default=str)
    path = folder / "backups" / f"{backup.name}.json"
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}", encoding="utf-8")
    replace_durably(draft, path)


# ---------------------------------------------------------------------- reading one


def backups(folder: Path) -> list[str]:
    """Names of the backups in a folder, the newest last."""
    return sorted(path.stem for path in (folder / "backups").glob("*.json"))


def read_backup(folder: Path, name: str = "") -> Backup:
    """A backup by name, else the newest. Raises BackupError when there is none or its list is damaged."""
    known = backups(folder)
    if not known:
        raise BackupError(f"{folder} holds no backup")
    if name and name not in known:
        raise BackupError(f"{folder} holds no backup {name!r}; it holds {', '.join(known)}")
    path = folder / "backups" / f"{name or known[-1]}.json"
    checksum, _, body = path.read_text(encoding="utf-8").partition("\n")
    if hashlib.sha256(body.encode()).hexdigest() != checksum:
        raise BackupError(f"{path} is damaged (its checksum differs); name another backup: {', '.join(known)}")
    record = json.loads(body)
    if record.pop("format", FORMAT) != FORMAT:
        raise BackupError(f"{path} was written by another release; restore it with that one")
    record["items"] = tuple(_item(item, path) for item in record["items"])
    return Backup(**record)


def _item(record: Mapping[str, Any], manifest: Path) -> Item:
    item = Item(**record)
    parts = PurePosixPath(item.path).parts
    if not parts or item.path.startswith("/") or ".." in parts or not _SHA256.fullmatch(item.sha256):
        raise BackupError(f"{manifest} names {item.path!r}, which is not a file of a home")
    return item


def damage(folder: Path, backup: Backup) -> list[str]:
    """Every file of the backup that is missing or changed, by its path in the home and in the backup folder."""
    found = []
    objects = _Objects(folder / "objects")
    for item in backup.items:
        path = objects.path(item.sha256)
        if not path.exists():
            found.append(f"{item.path}: missing ({path})")
        elif file_sha256(path) != item.sha256:
            found.append(f"{item.path}: damaged ({path})")
    return found


def restore(folder: Path, into: Path, name: str = "") -> Backup:
    """Make a home from a backup: verified before anything is written, complete under a draft name, then renamed.

    Raises BackupError for a home that holds anything, and for a damaged backup (every damaged file is named).
    """
    folder, into = folder.expanduser().resolve(), into.expanduser().resolve()
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise BackupError(f"{into} is not empty; restore into a folder that is empty or not there yet")
    backup = read_backup(folder, name)
    if problems := damage(folder, backup):
        raise BackupError("the backup is damaged, nothing was restored:\n" + "\n".join(problems))
    draft = into.with_name(f"{into.name}.restoring")
    if draft.exists():
        shutil.rmtree(draft)  # of a restore that died
    draft.mkdir(parents=True, mode=0o700)
    objects = _Objects(folder / "objects")
    for item in backup.items:
        target = draft / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(objects.path(item.sha256), target)
        target.chmod(0o644 if item.path.startswith(("lake/", "rulebooks/")) else 0o600)
        fsync_file(target)
    _check_restored(draft, backup)
    if into.exists():
        into.rmdir()
    draft.rename(into)
    fsync_folder(into.parent)
    return backup


def _check_restored(home: Path, backup: Backup) -> None:
    """The copy as a whole: the lake to the cut, every file as the lake's manifest has it, a sound store."""
    lake = Lake(home / "lake")
    if lake.head() != backup.to_seq:
        raise BackupError(f"the restored lake ends at {lake.head()}, the backup was cut at {backup.to_seq}")
    if problems := lake.verify():
        raise BackupError("the restored lake is not whole:\n" + "\n".join(problems))
    if (home / "store.db").exists():
        with closing(sqlite3.connect(home / "store.db")) as store:
            (verdict,) = store.execute("pragma integrity_check").fetchone()
        if verdict != "ok":
            raise BackupError(f"the restored store is damaged: {verdict}")
