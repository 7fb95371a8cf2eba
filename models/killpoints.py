"""Named moments between two changes of files, at which the fault drill kills the process for real (SIGKILL).

A point costs one comparison and does nothing, unless both ``SCRM_TEST_FAULTS=1`` and ``SCRM_KILLPOINT=<name>[:<n>]``
are in the environment of the process: then the n-th passage (default: the first) through that point is its death.
``POINTS`` names every point with what has just happened there; a test compares it with the calls in the code.
"""

import os
import signal
from collections import Counter
from collections.abc import Mapping

POINTS: Mapping[str, str] = {
    # import
    "import.read": "a file is read and sorted out, nothing is written",
    "import.ledger_written": "the store's ledger has the consents of a file, the lake has not",
    "import.landed": "the batch of a file is committed, the command has not answered",
    # sync
    "sync.chunk": "a batch of a stream is committed with the position after it, the next is not read",
    # a batch of the lake
    "lake.part_written": "one file of a batch is written under writing/, not fsynced",
    "lake.parts_synced": "all files of a batch are durable under writing/, no number is taken",
    "lake.part_placed": "one file of a batch is renamed into place, its folder not fsynced",
    "lake.before_line": "all files are in place, the manifest has no line of them",
    "lake.line_written": "the manifest's line is written, not fsynced",
    "lake.committed": "the line is durable, the writer has not returned",
    "lake.swept": "one file that no line names is deleted",
    # build
    "warehouse.cleared": "the building folder of the last run is gone",
    "warehouse.linked": "the files of one dataset are linked into the building folder",
    "warehouse.input_written": "one input of dbt is written by a Python step",
    "warehouse.started": "all inputs are there, dbt has not begun",
    "warehouse.set_aside": "one outcome waits in the building folder for the publication",
    # publish
    "candidate.table_written": "one table of the candidate is written",
    "candidate.written": "the candidate is closed, not verified",
    "candidate.verified": "the candidate is verified, not sealed",
    "publish.swept": "what dead publications left is deleted",
    "publish.placed": "the snapshot has its name, no pointer names it",
    "publish.artifacts_committed": "trained artifacts are in the lake, decided outcomes are not",
    "publish.decided": "decided outcomes are in the lake, the warehouse is not promoted",
    "promote.retired": "the promoted folder is set aside, no folder has taken its place",
    "promote.moved": "the built folder is the promoted one, the renames are not durable",
    "promote.done": "the promotion is durable, the set-aside folder still there",
    "publish.promoted": "all is promoted, the pointer is the old one",
    "publish.pointed": "readers see the new snapshot, old ones are not deleted",
    "publish.retired": "one old snapshot is deleted, its name beside it is not",
    # every file that is replaced in one step: snapshot, the name beside it, pointer
    "replace.synced": "the draft is durable under its temporary name",
    "replace.renamed": "the draft has its name, the rename is not durable",
    # decide: what people do
    "decide.before_commit": "what a run decided is compared with the lake, nothing is written",
    "store.created": "the store's file is there, without tables",
    "store.migrated": "the tables are made, not committed",
    "store.before_commit": "a change of the store is made, not committed",
    "store.committed": "a change of the store is committed, the writer has not returned",
    "export.drafted": "one file of an export is written under its temporary name",
    "export.audited": "the audit has the export, no file has its name",
    "export.placed": "one file of an export has its name",
}

#: Passages by point, counted only while armed: a drill learns from them which points a piece of work goes through.
passages: Counter[str] = Counter()
_armed: tuple[str, int] | None = None


def killpoint(name: str) -> None:
    """Die here when this is the armed point and passage; see the module."""
    if _armed is None:
        return
    passages[name] += 1
    if _armed == (name, passages[name]):
        os.kill(os.getpid(), signal.SIGKILL)


def arm(environment: Mapping[str, str] = os.environ) -> None:
    """Take the armed point from the environment. Raises KeyError for a point that does not exist.

    ``SCRM_KILLPOINT=none`` counts passages and kills nowhere.
    """
    global _armed
    passages.clear()
    wanted = environment.get("SCRM_KILLPOINT", "")
    if not wanted or environment.get("SCRM_TEST_FAULTS") != "1":
        _armed = None
        return
    name, _, nth = wanted.partition(":")
    if name not in POINTS and name != "none":
        raise KeyError(f"no kill point {name!r}")
    _armed = (name, int(nth or 1))


arm()
