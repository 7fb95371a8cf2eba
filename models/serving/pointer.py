"""The pointer: which snapshot is current. A small JSON file that is replaced in one step.

``published/`` holds ``serve-<version>.duckdb``, beside each the pointer it was published with
(``serve-<version>.json``, written once; a roll-back and a fall-back find the hash there), and ``current.json``.
``publication`` grows with every change of ``current.json``, also with a roll-back to an older file: that is how a
reader tells a decision from an accident.
"""

import json
import re
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from models.errors import ExpectedError
from models.files import replace_durably

CURRENT = "current.json"
_FILE_NAME = re.compile(r"serve-[A-Za-z0-9][A-Za-z0-9_.\-]*\.duckdb")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class PointerError(ExpectedError):
    """A pointer file cannot be read as one; the message says which file and why."""


@dataclass(frozen=True)
class Pointer:
    """One published snapshot.

    ``sequence`` is the run's ``to_seq``, ``data_as_of`` the naive UTC time before which events count,
    ``store_seq`` the last row of the store that the snapshot contains.
    """

    file: str
    version: str
    publication: int
    sequence: int
    store_seq: int
    business_date: date
    data_as_of: datetime
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        """Raises ValueError: the name must stay inside the folder, the hash must be one."""
        if not _FILE_NAME.fullmatch(self.file) or ".." in self.file:
            raise ValueError(f"{self.file!r} is not the name of a snapshot (serve-<version>.duckdb)")
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"{self.sha256!r} is not a sha256")
        if self.publication < 1:
            raise ValueError(f"publication must be at least 1, got {self.publication}")


def snapshot_file(version: str) -> str:
    """The file name of a version."""
    return f"serve-{version}.duckdb"


def _sidecar(file: str) -> str:
    return file.removesuffix(".duckdb") + ".json"


def to_json(pointer: Pointer) -> str:
    values = asdict(pointer) | {
        "business_date": pointer.business_date.isoformat(),
        "data_as_of": pointer.data_as_of.isoformat(),
    }
    return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str, name: str) -> Pointer:
    """Raises PointerError naming the file ``name``."""
    try:
        values = json.loads(text)
        return Pointer(
            file=str(values["file"]),
            version=str(values["version"]),
            publication=int(values["publication"]),
            sequence=int(values["sequence"]),
            store_seq=int(values["store_seq"]),
            business_date=date.fromisoformat(values["business_date"]),
            data_as_of=datetime.fromisoformat(values["data_as_of"]),
            sha256=str(values["sha256"]),
            bytes=int(values["bytes"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PointerError(f"{name} is not a pointer to a snapshot: {type(error).__name__}: {error}") from error


def read_pointer(folder: Path) -> Pointer | None:
    """The current pointer; None when nothing was ever published. Raises PointerError when the file is damaged."""
    path = folder / CURRENT
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return from_json(text, str(path))


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Make ``pointer`` current in one step that survives a power cut; its snapshot must be there already.

    Raises FileNotFoundError when the snapshot is absent, PointerError when ``publication`` does not grow.
    """
    if not (folder / pointer.file).is_file():
        raise FileNotFoundError(f"{pointer.file} is not in {folder}; the pointer was not moved")
    before = read_pointer(folder)
    if before is not None and pointer.publication <= before.publication:
        raise PointerError(
            f"publication {pointer.publication} does not follow {before.publication}: readers never go backwards"
        )
    if not (folder / _sidecar(pointer.file)).exists():
        _replace(folder, _sidecar(pointer.file), to_json(pointer))
    _replace(folder, CURRENT, to_json(pointer))


def available(folder: Path) -> list[Pointer]:
    """Snapshots that can be made current, the last published first.

    File and readable pointer must both be there: without its hash a file cannot be verified, so it is not offered.
    """
    found = []
    for path in sorted(folder.glob("serve-*.json")):
        try:
            pointer = from_json(path.read_text(encoding="utf-8"), str(path))
        except (PointerError, FileNotFoundError):  # unreadable, or retired while we looked
            continue
        if (folder / pointer.file).is_file():
            found.append(pointer)
    return sorted(found, key=lambda pointer: pointer.publication, reverse=True)


def _replace(folder: Path, name: str, text: str) -> None:
    draft = folder / f"{name}.tmp"  # one writer at a time: publishers hold the warehouse's lock
    draft.write_text(text, encoding="utf-8")
    replace_durably(draft, folder / name)
