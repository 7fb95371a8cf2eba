"""Differences of reconciliation with what people decided since the snapshot was made."""

import polars as pl

from models.store.reconciliation import Difference

OPEN, WAITING = "open", "waiting"
_OF_DECISION = ("decision_id", "reason", "author", "decided_at")


def overlaid(items: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``reconciliation_items`` as the store's ledger has them: ``state`` and the decision's columns anew.

    decisions: those in force. One speaks of a difference only as it was decided: same class, currency and amount.
    """
    said = decisions.select(
        "item_id", "class", "currency", "verdict", *_OF_DECISION, amount=pl.col("difference_amount").fill_null(0)
    )
    asked = items.drop("state", *_OF_DECISION).with_columns(amount=pl.col("difference_amount").fill_null(0))
    found = asked.join(said, on=["item_id", "class", "currency", "amount"], how="left", maintain_order="left")
    otherwise = pl.when("needs_person").then(pl.lit(OPEN)).otherwise(pl.lit(WAITING))
    return found.with_columns(state=pl.coalesce("verdict", otherwise)).select(items.columns)


def difference_of(item: dict[str, object]) -> Difference:
    """What a decision on a row of the worklist is about."""
    amount = item["difference_amount"]
    return Difference(
        item_id=str(item["item_id"]),
        class_=str(item["class"]),
        currency=str(item["currency"]),
        amount=amount if isinstance(amount, int) else None,
    )
