"""Writing files so that a power cut leaves the old or the new, never half."""

import errno
import hashlib
import os
from pathlib import Path

import polars as pl

from models.killpoints import killpoint


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_file(path: Path) -> None:
    """Make a written file durable."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file, read once."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def replace_durably(draft: Path, target: Path) -> None:
    """Rename a draft over its target, both on one file system, and make it last."""
    fsync_file(draft)
    killpoint("replace.synced")
    draft.replace(target)
    killpoint("replace.renamed")
    fsync_folder(target.parent)


def write_parquet(frame: pl.DataFrame, path: Path, compression_level: int | None = None) -> None:
    """Zstandard Parquet. Raises OSError, also where polars names a write that failed by the layer in which it was."""
    try:
        frame.write_parquet(path, compression="zstd", compression_level=compression_level)
    except pl.exceptions.ComputeError as error:
        raise OSError(errno.EIO, f"could not write it ({error}); is the disk full?", str(path)) from error
