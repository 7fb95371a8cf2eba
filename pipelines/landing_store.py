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
)


def land_store(lake: Lake, store: Store) -> list[Commit]:
    """Land the rows of every ledger that the lake does not hold yet, a batch a ledger; none when nothing is new.

    The cursor ``{"seq": n}`` is committed with the batch. ``_row`` is the row's sequence number in the store.
    Raises LakeError when the store is older than the lake (restored from a backup): its next rows would get numbers
    that the lake already passed, and would be lost without a word.
    """
    lake.root.mkdir(parents=True, exist_ok=True)
    try:
        # Reading the cursor and committing after it is one step: two landings at once would take overlapping rows.
        with FileLock(lake.root / ".landing-store", timeout=LOCK_SECONDS):
            commits = [_land(lake, landing, landing.ledger(store)) for landing in _LANDINGS]
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
