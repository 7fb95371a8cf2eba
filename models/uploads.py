"""Files that people hand in on a page: kept under their content's hash until they are imported or too old.

``<uploads>/<sha256>/<name>``: the same bytes are kept once, whatever they are called. A name is data: it never leads
out of its folder (fault 52), and what a file is, its bytes say.
"""

import hashlib
import os
import re
import shutil
import stat
import time
import unicodedata
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from models.errors import ExpectedError
from models.files import fsync_folder

CHUNK = 1024 * 1024
NAME_BYTES = 180  # file systems take 255; a mapping or a repair file adds its ending
UNFINISHED = "writing-"  # drafts of uploads that were broken off
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]')


class UploadError(ExpectedError):
    """The upload was not taken, or is no longer there; the message says why."""


@dataclass(frozen=True)
class Upload:
    """A file that was kept. ``name`` is safe to write and to show; ``repeated``: the same bytes were there already."""

    sha256: str
    name: str
    bytes: int
    repeated: bool


def safe_name(given: str) -> str:
    """The last part of a name, without what could lead elsewhere or mislead a reader; at most NAME_BYTES of UTF-8."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    name = _UNSAFE.sub("", last).strip().lstrip(".").strip() or "upload"
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > 16:
        stem, suffix = name, ""
    room = NAME_BYTES - len((dot + suffix).encode()) if suffix else NAME_BYTES
    cut = stem.encode()[:room].decode(errors="ignore")
    return f"{cut}.{suffix}" if suffix else cut


def keep(stream: BinaryIO, given_name: str, folder: Path, limit_bytes: int) -> Upload:
    """Write a stream to ``folder``, in pieces. Raises UploadError for an empty or too large file, OSError.

    The file appears under its hash when it is whole and on disk, not before.
    """
    name = safe_name(given_name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # what people hand in holds personal data
    draft = folder / f"{UNFINISHED}{uuid.uuid4().hex}"
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            while piece := stream.read(CHUNK):
                size += len(piece)
                if size > limit_bytes:
                    raise UploadError(
                        f"{name} is larger than {limit_bytes // 1024**2} MB: split it, or use `scrm import`"
                    )
                digest.update(piece)
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        if size == 0:
            raise UploadError(f"{name} is empty")
        return _place(draft, folder / digest.hexdigest(), name, size)
    finally:
        draft.unlink(missing_ok=True)


def _place(draft: Path, home: Path, name: str, size: int) -> Upload:
    repeated = home.is_dir()
    home.mkdir(mode=0o700, exist_ok=True)
    draft.replace(home / name)
    os.utime(home)  # its age counts from the last time that it was handed in
    fsync_folder(home)
    fsync_folder(home.parent)
    return Upload(home.name, name, size, repeated)


def located(folder: Path, sha256: str, name: str) -> Path:
    """The path of an upload. Raises UploadError when it is gone, or when hash or name are not of an upload."""
    if not _SHA256.fullmatch(sha256) or safe_name(name) != name:
        raise UploadError("this is not the name of an upload")
    path = folder / sha256 / name
    try:
        kept = path.lstat()
    except FileNotFoundError:
        raise UploadError(f"{name} is no longer kept; upload it again") from None
    if not stat.S_ISREG(kept.st_mode) or path.parent.is_symlink():
        raise UploadError(f"{name} is not a plain file")
    return path


def forget(folder: Path, sha256: str) -> None:
    """Delete an upload under all its names."""
    if _SHA256.fullmatch(sha256):
        shutil.rmtree(folder / sha256, ignore_errors=True)


def sweep(folder: Path, days: int, now: float | None = None) -> int:
    """Delete uploads, repair files and drafts older than ``days``; returns how many. ``now``: seconds since 1970."""
    oldest = (time.time() if now is None else now) - days * 86_400
    removed = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.lstat().st_mtime >= oldest:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed += 1
    return removed
