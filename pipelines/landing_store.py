"""What people wrote into the store lands in the lake, by sequence number, exactly once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import polars as pl
from filelock import FileLock, Timeout

from models.contracts import RAW_COLUMN, ROW_COLUMN
from models.store import Store
from pipelines.lake import LOCK_SECONDS, Accounting, Commit, Lake, LakeError, Part, content_key

CONSENTS_SOURCE = "store:consents"
DECISIONS_SOURCE = "store:identity_decisions"
STATEMENTS_SOURCE = "store:statement_events"
DIFFERENCES_SOURCE = "store:reconciliation_decisions"
SUPPRESSIONS_SOURCE = "store:suppressions"


class Ledger(Protocol):
    """Rows that are only ever added, numbered by ``seq``."""

    def head(self) -> int: ...

    def rows_after(self, seq: int) -> pl.DataFrame: ...


@dataclass(frozen=True)
class _Landing:
    source: str
    dataset: str
    row: str  # what one row is called
    ledger: Callable[[Store], Ledger]


_LANDINGS = (
    _Landing(CONSENTS_SOURCE, "consents", "consent", lambda store: store.consents),
    _Landing(DECISIONS_SOURCE, "identity_decisions", "decision on who is who", lambda store: store.identity_decisions),
    _Landing(STATEMENTS_SOURCE, "statement_events", "step of a statement", lambda store: store.statements),
    _Landing(
        DIFFERENCES_SOURCE,
        "reconciliation_decisions",
        "decision on a difference",
        lambda store: store.reconciliation_decisions,
    ),
)


def land_store(lake: Lake, store: Store) -> list[Commit]:
    """Land the rows of every ledger that the lake does not hold yet, a batch a ledger; none when nothing is new. The
    do-not-contact list lands whole when it has changed.

    The cursor ``{"seq": n}`` is committed with the batch. ``_row`` is the row's sequence number in the store.
    Raises LakeError when the store is older than the lake (restored from a backup): its next rows would get numbers
    that the lake already passed, and would be lost without a word.
    """
    lake.root.mkdir(parents=True, exist_ok=True)
    try:
        # Reading the cursor and committing after it is one step: two landings at once would take overlapping rows.
        with FileLock(lake.root / ".landing-store", timeout=LOCK_SECONDS):
            commits = [_land(lake, landing, landing.ledger(store)) for landing in _LANDINGS]
            commits.append(_land_suppressions(lake, store.suppressions.active()))
    except Timeout:
        raise LakeError(f"another process has been landing the store for {LOCK_SECONDS} s") from None
    return [commit for commit in commits if commit is not None]


def _land(lake: Lake, landing: _Landing, ledger: Ledger) -> Commit | None:
    cursor = lake.cursor(landing.source)
    landed_to = int(cursor["seq"]) if cursor else 0
    if (head := ledger.head()) < landed_to:
        raise LakeError(
            f"the store ends at {landing.row} {head}, the lake already holds up to {landed_to}: "
            "the store was restored from an older backup; restore the newest one, or the lake of the same day"
        )
    rows = ledger.rows_after(landed_to)
    if rows.is_empty():
        return None
    first, last = int(rows["seq"][0]), int(rows["seq"][-1])
    record = pl.struct(rows.columns).struct.json_encode()
    frame = rows.with_columns(record.alias(RAW_COLUMN), pl.col("seq").alias(ROW_COLUMN))
    return lake.commit(
        source=landing.source,
        key=content_key(landing.source, str(first), str(last)),
        parts=[Part("landed", landing.dataset, frame)],
        accounting=Accounting(rows=rows.height, accepted=rows.height),
        cursor={"seq": last},
    )


def _land_suppressions(lake: Lake, active: pl.DataFrame) -> Commit | None:
    """A list from which people are lifted is a state: a batch holds all of it, also when it is empty now."""
    landed = [entry for entry in lake.entries() if entry.source == SUPPRESSIONS_SOURCE]
    digest = content_key(active.sort(pl.all()).write_csv())
    if (landed and landed[-1].details.get("digest") == digest) or (not landed and active.is_empty()):
        return None
    numbered = active.with_row_index(ROW_COLUMN, offset=1).with_columns(
        pl.col(ROW_COLUMN).cast(pl.Int64), pl.struct(active.columns).struct.json_encode().alias(RAW_COLUMN)
    )
    previous = landed[-1].key if landed else ""
    return lake.commit(
        source=SUPPRESSIONS_SOURCE,
        key=content_key(SUPPRESSIONS_SOURCE, digest, previous),
        parts=[Part("landed", "suppressions", numbered)],
        accounting=Accounting(rows=active.height, accepted=active.height),
        details={"digest": digest},
    )
