"""Who acts when a command is run, and when: whoever sits at the machine, by the name of their account there."""

import os
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from models.serving import Read, Snapshots, Viewer, run
from models.settings import Settings


def author() -> str:
    """Under which name the store and the audit keep what a command did: ``cli:`` and the account of the machine."""
    return "cli:" + os.environ.get("USER", str(os.getuid()))


def now() -> datetime:
    """Naive UTC, as the store keeps times."""
    return datetime.now(UTC).replace(tzinfo=None)


def viewer(*, shows: bool = True) -> Viewer:
    """Who has the machine has the whole company; ``shows``: names, phones and the like are in full, not masked."""
    return replace(Viewer.owner_of_the_company(user_id=author()), sees_personal=shows)


def reader(settings: Settings, *, shows: bool) -> Read:
    """``read(query_id, **parameters)`` on the snapshot that is current now. Raises NoSnapshotError."""
    snapshot, who = Snapshots(settings.published_dir).current(), viewer(shows=shows)

    def read(query_id: str, **parameters: object) -> pl.DataFrame:
        return run(snapshot, query_id, who, **parameters)

    return read
