"""Open questions of who is who: those of the snapshot less what people have decided since."""

import polars as pl

from models.serving import Read
from models.serving.anchoring import own_anchor
from models.serving.finding import RECORD
from models.serving.query import Keys
from models.store.identity_decisions import Anchor


def open_reviews(read: Read, decisions: pl.DataFrame, kind: str | None = None) -> pl.DataFrame:
    """Rows of ``identity_reviews`` that nobody has decided, in their order; ``open_count`` is how many in all.

    decisions: left_type, left_identifier, right_type, right_identifier, verdict; those in force. A pair is decided when
    its sides hold the two anchors of a decision; a record that was given to one customer is no question for the others.
    """
    reviews = read("identity_reviews", kind=kind)
    if decisions.is_empty() or reviews.is_empty():
        return reviews
    holders = _holders(read, decisions)
    # a side is called by its customer, or by its persona when it is nobody's
    held = holders.with_columns(side=pl.coalesce(pl.col("persona_id").cast(pl.String), "customer_id"))
    held = pl.concat([held, holders.filter(pl.col("persona_id").is_not_null()).with_columns(side="customer_id")])
    held = held.drop_nulls("side").select("identifier_type", "identifier", "side").unique()
    sides = decisions.join(
        held.rename({"identifier_type": "left_type", "identifier": "left_identifier", "side": "left_side"}),
        on=["left_type", "left_identifier"],
    ).join(
        held.rename({"identifier_type": "right_type", "identifier": "right_identifier", "side": "right_side"}),
        on=["right_type", "right_identifier"],
    )
    decided = pl.concat(
        [
            sides.select("verdict", one="left_side", other="right_side"),
            sides.select("verdict", one="right_side", other="left_side"),
        ]
    )
    settled = decided.filter(pl.col("verdict") == "same")["one"].unique()
    other = pl.coalesce("other_customer_id", pl.col("persona_id").cast(pl.String))
    still_open = (
        reviews.with_columns(_other=other)
        .join(decided.unique(), left_on=["customer_id", "_other"], right_on=["one", "other"], how="anti")
        .filter(pl.col("persona_id").is_null() | ~pl.col("_other").is_in(settled.implode()))
        .drop("_other")
        .sort("place")
    )
    return still_open.with_columns(pl.col("open_count") - (reviews.height - still_open.height))


def _holders(read: Read, decisions: pl.DataFrame) -> pl.DataFrame:
    """Who holds what the decisions name: the columns of ``identity_holders``.

    However old: an order that could be several people's is a question of every snapshot, for the customer too that
    somebody said it is not of. In the order of the ledger, so that with one more decision all but the last answers are
    those that a page has cached.
    """
    named = decisions.select(pl.concat_list("left_identifier", "right_identifier")).to_series().explode()
    asked = named.unique(maintain_order=True).to_frame().iter_slices(Keys.most)
    return pl.concat(read("identity_holders", identifiers=tuple(part.to_series())) for part in asked)


def anchors(read: Read, customer_id: str, other_customer_id: str | None, record_id: str | None) -> tuple[Anchor, ...]:
    """What a decision on a review names for each side; fewer than two: a side is known by nothing that is its own."""
    own = [own_anchor(read, customer) for customer in (customer_id, other_customer_id) if customer is not None]
    record = None if record_id is None else Anchor(RECORD, record_id)
    return tuple(anchor for anchor in (*own, record) if anchor is not None)
