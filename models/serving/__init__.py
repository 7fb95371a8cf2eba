"""One place answers questions: open snapshots, every query by id, who may see what.

snapshots = Snapshots(settings.published_dir)
frame = run(snapshots, "customer_search", viewer, text="138")
"""

from collections.abc import Callable

import polars as pl

from models.serving.people import viewer_of
from models.serving.pointer import (
    Pointer,
    PointerError,
    available,
    read_pointer,
    snapshot_file,
    write_pointer,
)
from models.serving.queries import QUERIES, SUBJECT_OF
from models.serving.query import ParameterError, Query
from models.serving.roles import NotAllowedError
from models.serving.snapshots import NoSnapshotError, Snapshot, SnapshotDamagedError, Snapshots
from models.serving.viewer import Viewer

__all__ = [
    "QUERIES",
    "NoSnapshotError",
    "NotAllowedError",
    "ParameterError",
    "Pointer",
    "PointerError",
    "Query",
    "Read",
    "Snapshot",
    "SnapshotDamagedError",
    "Snapshots",
    "Viewer",
    "allow",
    "available",
    "read_pointer",
    "run",
    "snapshot_file",
    "viewer_of",
    "write_pointer",
]

#: ``read(query_id, **parameters)``: ``run`` on one snapshot for one viewer, so that several answers belong together.
Read = Callable[..., pl.DataFrame]


def run(source: Snapshots | Snapshot, query_id: str, viewer: Viewer, **parameters: object) -> pl.DataFrame:
    """The answer to a query, as far as the viewer may see it; columns and types as ``QUERIES[query_id].columns``.

    ``source``: the folder's snapshots (the current one is taken) or one snapshot, when several answers must belong
    together. Raises KeyError for an unknown query, NotAllowedError, ParameterError, NoSnapshotError,
    SnapshotDamagedError.
    """
    allow(viewer, query_id)
    query = QUERIES[query_id]
    snapshot = source.current() if isinstance(source, Snapshots) else source
    return query.run(snapshot, viewer, parameters)


def allow(viewer: Viewer, query_id: str) -> None:
    """Raises NotAllowedError when no role of the viewer asks about the query's subject, KeyError for an unknown query.

    Whoever keeps answers asks this before looking into what is kept.
    """
    if query_id not in SUBJECT_OF:
        raise KeyError(f"unknown query {query_id!r}; known: {', '.join(sorted(QUERIES))}")
    if not viewer.may_ask(SUBJECT_OF[query_id]):
        raise NotAllowedError(f"query:{query_id}")
