"""Customers over time: which id a component keeps, which customers became one or fell apart, and which id stands now.

``customer_ids`` is append-only, so that what was decided before can be found again: two customers that became one and
are told apart later get the ids back that they had.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb
import polars as pl

if TYPE_CHECKING:
    from models.identity.clusters import Resolution  # it names customers by way of this module

MERGE, SPLIT = "merge", "split"
RULES, LIKELY, PEOPLE = "rules", "likely", "people"
PERSONA = "persona"
EVENTS_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("event_id", "kind", "customer_id", "previous_id"), pl.String()),
    "decided_on": pl.Date(),
    "cause": pl.String(),
}
_IDENTIFIER = ["identifier_type", "identifier"]


def kept_ids(had: pl.DataFrame, age: pl.DataFrame) -> pl.DataFrame:
    """component, customer: which component keeps which id that was given before; an id goes to one of them.

    had: component, customer, seq, is_latest, is_first, alone; one row for each identifier of a component and each
    decision on it. is_latest, is_first: of the decisions on that identifier; alone: no other component states it.
    age: customer, age (the seq of its first decision). Ids are compared by ``customer``, text or number.

    An id goes to a component that had it first of all, not to one that was merged into it; of several to one that
    holds it now, then to the one that holds most of what first bore it. A component with several ids takes the one that
    it had first, the oldest; what it does not take is free for the next.
    """
    of_its_own = pl.col("alone")
    found = (
        had.group_by("component", "customer")
        .agg(
            is_current=(pl.col("is_latest") & of_its_own).any(),
            home=(pl.col("is_first") & of_its_own).sum(),
            weight=pl.len(),
            since=pl.col("seq").filter(of_its_own).min(),
        )
        .with_columns(is_original=(pl.col("since") == pl.col("since").min().over("component")).fill_null(value=False))
        .join(age, on="customer")
    )
    waiting = found.sort(
        ["customer", "is_original", "is_current", "home", "weight", "component"],
        descending=[False, True, True, True, True, False],
    )
    kept = []
    while waiting.height:
        owned = waiting.unique("customer", keep="first", maintain_order=True)
        ranked = owned.sort(["is_original", "is_current", "age", "customer"], descending=[True, True, False, False])
        kept.append(ranked.unique("component", keep="first", maintain_order=True).select("component", "customer"))
        waiting = waiting.join(kept[-1], on="component", how="anti", maintain_order="left")
        waiting = waiting.join(kept[-1], on="customer", how="anti", maintain_order="left")
    return pl.concat([found.head(0).select("component", "customer"), *kept])


@dataclass(frozen=True)
class Before:
    """What was decided before a run. decided: identifier_type, identifier, customer_id, seq. events: EVENTS_SCHEMA
    and seq; ``seq`` numbers the batches of the lake."""

    decided: pl.DataFrame
    events: pl.DataFrame

    @cached_property
    def owners(self) -> pl.DataFrame:
        """identifier_type, identifier, previous_id: the newest decision on each identifier."""
        newest = self.decided.sort("seq").unique(_IDENTIFIER, keep="last", maintain_order=True)
        return newest.select(*_IDENTIFIER, previous_id="customer_id")

    def borne(self, of: pl.DataFrame) -> pl.DataFrame:
        """previous_id: of these customers (previous_id) those that there were, without such as were merged away and
        have not come back."""
        given = self.decided.select(previous_id="customer_id").join(of, on="previous_id", how="semi").unique()
        return given.join(active_ids(self.events), on="previous_id", how="anti")


def active_ids(events: pl.DataFrame) -> pl.DataFrame:
    """customer_id (which stands now) of every previous_id that was merged away, along the whole chain; sorted.

    events: EVENTS_SCHEMA and seq. An id that came back, by a split or because others were merged into it, stands for
    itself and has no row.
    """
    merged = (
        events.filter(pl.col("kind") == MERGE)
        .sort("seq", "event_id")
        .unique("previous_id", keep="last", maintain_order=True)
        .select("previous_id", "customer_id", "seq")
    )
    stood = events.group_by(previous_id="customer_id").agg(stood_at=pl.col("seq").max())
    # An id into which others went was alive then: its own merge is later, or over. So chains have no rings.
    chain = (
        merged.join(stood, on="previous_id", how="left")
        .filter(pl.col("stood_at").is_null() | (pl.col("stood_at") < pl.col("seq")))
        .select("previous_id", "customer_id")
    )
    while True:
        onward = chain.rename({"previous_id": "customer_id", "customer_id": "onward"})
        further = chain.join(onward, on="customer_id", how="left")
        if further["onward"].null_count() == further.height:
            return chain.sort("previous_id")
        chain = further.select("previous_id", customer_id=pl.coalesce("onward", "customer_id"))


def events_of(
    before: Before,
    found: "Resolution",
    observations: pl.DataFrame | pl.LazyFrame,
    causes: pl.DataFrame,
    run: str,
    decided_on: date,
) -> pl.DataFrame:
    """Merges and splits by which what a run found differs from what was decided before: EVENTS_SCHEMA, sorted.

    observations: persona_id, identifier_type, identifier, is_identifier. causes: cause (``people``, ``likely``),
    cause_id, side, persona_id: what may have brought two sides together or apart besides the rules. run: its key; the
    same run gives the same event ids.

    merge: nobody bears ``previous_id`` any more, and most of what it was known by is ``customer_id``'s now. split:
    ``customer_id``, which nobody bore before, has what was ``previous_id``'s; the one from whom it has most.
    """
    customers, owners = found.customers, found.identifiers
    # the first time everything is new, and nothing has moved
    new = owners.filter("is_new").drop("is_new") if before.decided.height else owners.clear().drop("is_new")
    moved = new.join(before.owners, on=_IDENTIFIER)
    ids = pl.concat([moved["previous_id"], moved["customer_id"].rename("previous_id")]).unique().to_frame()
    borne = before.borne(ids)
    gone = borne.join(customers, left_on="previous_id", right_on="customer_id", how="anti")
    merges = _most(moved.join(gone, on="previous_id", how="semi"), "previous_id")
    fallen = moved.join(borne, left_on="customer_id", right_on="previous_id", how="anti")
    fallen = fallen.join(merges, on=["customer_id", "previous_id"], how="anti")
    splits = _most(_left_behind(fallen, customers, observations), "customer_id")
    events = pl.concat(
        [
            _caused(merges.with_columns(kind=pl.lit(MERGE)), _pairs_before(causes, before)),
            _caused(splits.with_columns(kind=pl.lit(SPLIT)), _pairs_now(causes, customers)),
        ]
    )
    return _numbered(events.with_columns(key=pl.lit(run), decided_on=pl.lit(decided_on)))


def likely_causes(links: pl.DataFrame) -> pl.DataFrame:
    """Likely links (left_persona, right_persona, decision) as what may have brought customers together."""
    linked = links.filter(pl.col("decision") == "linked").with_columns(
        cause=pl.lit(LIKELY), cause_id=pl.concat_str("left_persona", "right_persona", separator=":")
    )
    return pl.concat(
        linked.select("cause", "cause_id", side=pl.lit(side), persona_id=f"{side}_persona")
        for side in ("left", "right")
    )


def _most(moved: pl.DataFrame, one: str) -> pl.DataFrame:
    """customer_id, previous_id: of each ``one`` the other with which it shares most."""
    counted = moved.group_by("customer_id", "previous_id").len()
    ranked = counted.sort(["len", "customer_id", "previous_id"], descending=[True, False, False])
    return ranked.unique(one, keep="first", maintain_order=True).select("customer_id", "previous_id")


def _left_behind(
    moved: pl.DataFrame, customers: pl.DataFrame, observations: pl.DataFrame | pl.LazyFrame
) -> pl.DataFrame:
    """Without identifiers that the previous customer states still: a phone that is shared has not moved away."""
    if moved.is_empty():  # most days
        return moved
    told = observations.lazy().filter("is_identifier", pl.col("identifier").is_in(moved["identifier"].implode()))
    stated = (
        told.select("persona_id", *_IDENTIFIER)
        .collect()
        .join(moved.select(_IDENTIFIER).unique(), on=_IDENTIFIER, how="semi")
        .join(customers, on="persona_id")
    )
    return moved.join(
        stated.select(*_IDENTIFIER, previous_id="customer_id").unique(), on=[*_IDENTIFIER, "previous_id"], how="anti"
    )


def _pairs_before(causes: pl.DataFrame, before: Before) -> pl.DataFrame:
    personas = before.owners.filter(pl.col("identifier_type") == PERSONA)
    return _pairs(causes, personas.select(persona="identifier", customer="previous_id"))


def _pairs_now(causes: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    return _pairs(causes, customers.select(persona=pl.col("persona_id").cast(pl.String), customer="customer_id"))


def _pairs(causes: pl.DataFrame, bore: pl.DataFrame) -> pl.DataFrame:
    """customer_id, previous_id (either way round), cause: whose personas a cause names; people before likely."""
    named = causes.with_columns(persona=pl.col("persona_id").cast(pl.String)).join(bore, on="persona")
    sides = named.select("cause", "cause_id", "side", "customer").unique()
    both = sides.join(sides, on=["cause", "cause_id"], suffix="_other").filter(
        (pl.col("side") != pl.col("side_other")) & (pl.col("customer") != pl.col("customer_other"))
    )
    return (
        both.sort(pl.col("cause") == PEOPLE, descending=True)
        .select("cause", customer_id="customer", previous_id="customer_other")
        .unique(["customer_id", "previous_id"], keep="first", maintain_order=True)
    )


def _caused(events: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    return events.join(pairs, on=["customer_id", "previous_id"], how="left").with_columns(
        pl.col("cause").fill_null(RULES)
    )


def _numbered(events: pl.DataFrame) -> pl.DataFrame:
    """With the id: a hash of run, kind and both customers, so that the same run gives the same ids."""
    with duckdb.connect() as connection:
        connection.register("events", events.to_arrow())
        numbered: pl.DataFrame = connection.sql(
            """
            select
                'E' || substr(sha256(concat_ws(':', key, kind, customer_id, previous_id)), 1, 15) as event_id,
                kind, customer_id, previous_id, decided_on, cause
            from events
            order by event_id
            """
        ).pl()
    return numbered.cast(EVENTS_SCHEMA)  # type: ignore[arg-type]
