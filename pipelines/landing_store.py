"""What people wrote into the store lands in the lake, by sequence number, exactly once."""

import polars as pl
from filelock import FileLock, Timeout

from models.contracts import RAW_COLUMN, ROW_COLUMN
from models.store import Store
from pipelines.lake import LOCK_SECONDS, Accounting, Commit, Lake, LakeError, Part, content_key

CONSENTS_SOURCE = "store:consents"


def land_store(lake: Lake, store: Store) -> Commit | None:
    """Land the consents that the lake does not hold yet; None when there is nothing new.

    The cursor ``{"seq": n}`` is committed with the batch. ``_row`` is the row's sequence number in the store.
    Raises LakeError when the store is older than the lake (restored from a backup): its next rows would get numbers
    that the lake already passed, and would be lost without a word.
    """
    lake.root.mkdir(parents=True, exist_ok=True)
    try:
        # Reading the cursor and committing after it is one step: two landings at once would take overlapping rows.
        with FileLock(lake.root / ".landing-store", timeout=LOCK_SECONDS):
            return _land_consents(lake, store)
    except Timeout:
        raise LakeError(f"another process has been landing the store for {LOCK_SECONDS} s") from None


def _land_consents(lake: Lake, store: Store) -> Commit | None:
    cursor = lake.cursor(CONSENTS_SOURCE)
    landed_to = int(cursor["seq"]) if cursor else 0
    if (head := store.consents.head()) < landed_to:
        raise LakeError(
            f"the store ends at consent {head}, the lake already holds up to {landed_to}: "
            "the store was restored from an older backup; restore the newest one, or the lake of the same day"
        )
    rows = store.consents.rows_after(landed_to)
    if rows.is_empty():
        return None
    first, last = int(rows["seq"][0]), int(rows["seq"][-1])
    record = pl.struct(rows.columns).struct.json_encode()
    frame = rows.with_columns(record.alias(RAW_COLUMN), pl.col("seq").alias(ROW_COLUMN))
    return lake.commit(
        source=CONSENTS_SOURCE,
        key=content_key(CONSENTS_SOURCE, str(first), str(last)),
        parts=[Part("landed", "consents", frame)],
        accounting=Accounting(rows=rows.height, accepted=rows.height),
        cursor={"seq": last},
    )
