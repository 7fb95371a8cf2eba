"""Cached façade over ``models.serving``: the only way for a page to data.

The key of a cached answer is the snapshot's file and hash, the viewer's scope, the query and its parameters. So an
answer is never shown to a viewer with another scope, and a new publication never shows old rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import streamlit as st

from models.serving import Snapshot, Snapshots, Viewer, allow, run
from models.settings import Settings
from models.store import Store

Parameters = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Reader:
    """One snapshot and one viewer: all answers of a rerun belong together."""

    snapshot: Snapshot
    viewer: Viewer

    def __call__(self, query_id: str, **parameters: object) -> pl.DataFrame:
        """The answer to a query; see ``models.serving.run`` for what it raises."""
        allow(self.viewer, query_id)  # before the cache, which holds what others asked
        key = (self.snapshot.pointer.file, self.snapshot.pointer.sha256)
        return _answer(key, self.viewer.scope, query_id, _fixed(parameters), self.snapshot, self.viewer)


def reader(viewer: Viewer) -> Reader:
    """On the current snapshot. Raises NoSnapshotError, SnapshotDamagedError, ContractError."""
    return Reader(snapshots(str(settings().published_dir)).current(), viewer)


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    return Settings()


def store() -> Store:
    """The store of this installation, opened once per process."""
    return _store(settings().store_address)


@st.cache_resource(show_spinner=False)
def _store(address: str) -> Store:
    return Store.open(address)


@st.cache_resource(show_spinner=False)
def snapshots(folder: str) -> Snapshots:
    """One per process and folder: the hash of a snapshot is checked once."""
    return Snapshots(Path(folder))


# the frame itself, not a copy of it: polars never changes a frame in place unless asked to, and no page asks
@st.cache_resource(show_spinner=False, max_entries=1000, ttl="6h")
def _answer(
    snapshot_key: tuple[str, str],  # noqa: ARG001 - part of the cache's key
    scope: tuple[str, ...],  # noqa: ARG001 - part of the cache's key
    query_id: str,
    parameters: Parameters,
    _snapshot: Snapshot,
    _viewer: Viewer,
) -> pl.DataFrame:
    return run(_snapshot, query_id, _viewer, **dict(parameters))


def _fixed(parameters: Mapping[str, object]) -> Parameters:
    return tuple(sorted(parameters.items()))
