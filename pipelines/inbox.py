"""The drop folder: a file put into ``inbox/<dataset>/`` is imported once, then moved out of the way.

::

    inbox/<dataset>/orders.csv            waiting; with ``orders.map.yaml`` beside it, or ``default.map.yaml`` for all
    inbox/done/<dataset>/<seq>-orders.csv imported as batch <seq>
    inbox/failed/<dataset>/orders.csv     refused; ``orders.csv.note.txt`` says why and what to do

A file is copied through a descriptor that follows no link before anything reads it: what is checked is what is
imported. A death between import and move is mended by the next pass, because the same content lands only once.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from models.contracts.published import ContractError
from models.documents.loading import DocumentError
from models.documents.mapping import Mapping, file_datasets
from models.errors import ExpectedError
from models.files import fsync_folder
from models.settings import Settings
from pipelines.doors import DOORS, Landed
from pipelines.lake import content_key
from pipelines.sources.files.importing import FileRefusedError, import_file
from pipelines.sources.files.proposing import propose
from pipelines.workspace import Workspace

DONE, FAILED, WORKING = "done", "failed", ".working"
DEFAULT_MAP = "default.map.yaml"
#: Names under which programs write a file that is not whole yet.
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".swp")
LOCK_SECONDS = 600
COPY_BYTES = 1 << 20


class InboxError(ExpectedError):
    """The inbox cannot be worked through; the message says why. Files stay where they are."""


class RefusedEntryError(ExpectedError):
    """What lies in the inbox is no plain file of a known dataset."""


@dataclass(frozen=True)
class Waiting:
    """A file that has come to rest. ``mark`` changes whenever the file does: size, time of change, identity."""

    path: Path
    dataset: str
    mark: str


@dataclass(frozen=True)
class Taken:
    """What became of a file: ``state`` is done, repeated (the same content had landed before) or failed."""

    file: str
    dataset: str
    state: str
    words: str = ""
    seq: int = 0
    rows: int = 0
    accepted: int = 0
    quarantined: int = 0
    skipped: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def prepare(settings: Settings) -> Path:
    """Make a folder per dataset, so that people see where files go."""
    for dataset in (*file_datasets(), *DOORS):
        (settings.inbox_dir / dataset).mkdir(parents=True, exist_ok=True)
    return settings.inbox_dir


def waiting(settings: Settings, now: datetime) -> tuple[list[Waiting], int]:
    """Files that have not changed for the settling time, by name; and how many are still being written.

    ``now`` is aware. Mapping documents and hidden names are no files of their own. Links and the like are in the list:
    taking them refuses them, with a note.
    """
    found, fresh = [], 0
    for folder, dataset in _folders(settings.inbox_dir):
        for path in sorted(folder.iterdir()):
            if _is_passed_over(path.name) or (path.is_dir() and not path.is_symlink()):
                continue
            try:
                seen = path.lstat()
            except FileNotFoundError:  # taken away while we looked
                continue
            if now.timestamp() - max(seen.st_mtime, seen.st_ctime) < settings.inbox.settle_seconds:
                fresh += 1
                continue
            found.append(Waiting(path, dataset, f"{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ino}"))
    return found, fresh


def run_key(files: Sequence[Waiting], head: int) -> str:
    """What a run for these files is known by: their content, and where the lake stood.

    The same files in the same lake ask for one run, however often somebody looks; after a run that failed, the next
    batch that lands gives another chance.
    """
    pieces = [f"{file.dataset}/{file.path.name}/{file.mark}/{_content(file.path)}" for file in files]
    return content_key("inbox", str(head), *pieces)


def take_all(workspace: Workspace, now: datetime) -> list[Taken]:
    """One pass: import every file that has come to rest, and move it to ``done`` or ``failed``.

    Raises what is no fault of a file (disk, lock, store): the file stays, the next pass takes it again.
    """
    settings = workspace.settings
    if not settings.inbox_dir.exists():
        return []
    with _alone(settings.inbox_dir):
        files, _ = waiting(settings, now)
        return [_take(file, workspace) for file in files]


def _take(file: Waiting, workspace: Workspace) -> Taken:
    inbox = workspace.settings.inbox_dir
    (inbox / WORKING).mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=inbox / WORKING) as scratch:
        try:
            copy = _copied(file, Path(scratch))
            report = _imported(copy, file, Path(scratch), workspace)
        except (RefusedEntryError, FileRefusedError, DocumentError, ContractError) as error:
            _put_away(file, inbox / FAILED / file.dataset, file.path.name, note=str(error), scratch=Path(scratch))
            return Taken(file.path.name, file.dataset, "failed", words=str(error))
    _put_away(file, inbox / DONE / file.dataset, f"{report.seq}-{file.path.name}")
    return Taken(
        file.path.name,
        file.dataset,
        "repeated" if report.repeated else "done",
        seq=report.seq,
        rows=report.rows,
        accepted=report.accepted,
        quarantined=report.quarantined,
        skipped=report.skipped,
    )


def _copied(file: Waiting, scratch: Path) -> Path:
    """The content as it was when the file had come to rest. Raises RefusedEntryError for anything but a plain file."""
    known = (*file_datasets(), *DOORS)
    if file.dataset not in known:
        raise RefusedEntryError(
            f"{file.dataset or 'the inbox itself'} is no dataset; put the file into one of {', '.join(known)}"
        )
    if not file.path.name.isprintable():
        raise RefusedEntryError("the name holds characters that cannot be printed; rename the file")
    target = scratch / file.path.name
    _copy_plain(file.path, target)
    return target


def _copy_plain(source: Path, target: Path) -> None:
    """Copy without following a link, waiting on a pipe, or reading what has a second name elsewhere."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if stat.S_ISLNK(source.lstat().st_mode):
            raise RefusedEntryError("it is a symbolic link; put the file itself into the inbox") from None
        raise RefusedEntryError(f"it cannot be opened: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as reading:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise RefusedEntryError("it is not a plain file")
        if before.st_nlink > 1:
            raise RefusedEntryError("it has a second name elsewhere (a hard link); copy the file into the inbox")
        with target.open("wb") as writing:
            shutil.copyfileobj(reading, writing, COPY_BYTES)
        after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InboxError(f"{source.name} changed while it was read; the next pass takes it")


def _imported(copy: Path, file: Waiting, scratch: Path, workspace: Workspace) -> Landed:
    if file.dataset in DOORS:
        return DOORS[file.dataset](copy, workspace)
    mapping = None
    for beside in _maps(file.path):
        target = scratch / "taken.map.yaml"
        _copy_plain(beside, target)
        mapping = Mapping.load(target)
        break
    report = import_file(
        copy,
        dataset=file.dataset,
        mapping=mapping,
        lake=workspace.lake,
        settings=workspace.settings,
        consent_ledger=workspace.store.consents,
    )
    return Landed(report.seq, report.rows, report.accepted, report.quarantined, report.skipped, report.repeated)


def _maps(path: Path) -> Iterator[Path]:
    """Mapping documents for a file, the nearest first: its own, then the folder's."""
    for name in (f"{path.stem}.map.yaml", DEFAULT_MAP):
        if os.path.lexists(path.with_name(name)):
            yield path.with_name(name)


def _put_away(file: Waiting, folder: Path, name: str, note: str = "", scratch: Path | None = None) -> None:
    """Move a file and its own mapping; with a note: what was wrong, and a proposed mapping where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    name = name if name.isprintable() else "unprintable-" + hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    target = _free(folder / name)
    own_map = file.path.with_name(f"{file.path.stem}.map.yaml")
    if note:
        target.with_name(f"{target.name}.note.txt").write_text(f"{file.path.name}: {note}\n", encoding="utf-8")
        if scratch is not None and not os.path.lexists(own_map):
            _propose_beside(file, scratch, target)
    file.path.rename(target)
    if os.path.lexists(own_map) and not _others_use(own_map, file.path):
        own_map.rename(_free(target.with_name(f"{target.stem}.map.yaml")))
    fsync_folder(folder)


def _others_use(own_map: Path, moved: Path) -> bool:
    """Another file of the same stem (orders.csv, orders.xlsx) still waits for this mapping."""
    return any(path.stem == moved.stem and path != own_map for path in own_map.parent.iterdir())


def _propose_beside(file: Waiting, scratch: Path, target: Path) -> None:
    copy = scratch / file.path.name
    if not copy.exists() or file.dataset not in file_datasets():
        return
    try:
        text = propose(copy, file.dataset, Settings()).text()
    except (FileRefusedError, DocumentError):  # not readable as a table: the note says so
        return
    target.with_name(f"{target.stem}.map.yaml").write_text(text, encoding="utf-8")


def _free(path: Path) -> Path:
    """The path, or with a number when something has it: nothing is ever overwritten."""
    number, candidate = 1, path
    while os.path.lexists(candidate):
        number += 1
        candidate = path.with_name(f"{number}-{path.name}")
    return candidate


def _folders(inbox: Path) -> list[tuple[Path, str]]:
    """The inbox itself (dataset unknown) and every folder in it but our own. A folder that is a link is no folder."""
    if not inbox.is_dir():
        return []
    inside = sorted(path for path in inbox.iterdir() if path.is_dir() and not path.is_symlink())
    return [(inbox, ""), *((path, path.name) for path in inside if path.name not in (DONE, FAILED, WORKING))]


def _is_passed_over(name: str) -> bool:
    return name.startswith((".", "~$")) or name.endswith(".map.yaml") or name.lower().endswith(UNFINISHED)


def _content(path: Path) -> str:
    """sha256 of a plain file; of anything else, nothing: taking it will refuse it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _alone(inbox: Path) -> Iterator[None]:
    try:
        with FileLock(inbox / ".lock", timeout=LOCK_SECONDS):
            for left in (inbox / WORKING).glob("*"):  # of a pass that died
                shutil.rmtree(left, ignore_errors=True)
            yield
    except Timeout:
        raise InboxError(f"another process has been working through {inbox} for {LOCK_SECONDS} s") from None
