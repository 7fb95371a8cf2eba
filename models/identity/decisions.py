"""What people decided about who is who, as constraints on personas.

A decision names two anchors: identifiers as records state them, or records. It acts in every run that knows of it,
whatever its date: it says who people are, not what happened.
"""

from dataclasses import dataclass

import polars as pl

from models.documents.identity import IdentityRegistry

RECORD = "record"  # the anchor type that names a record of ``identity_records`` itself
_ANCHOR = ["identifier_type", "identifier"]
_SIDES = ("left", "right")


@dataclass(frozen=True)
class Said:
    """Decisions in force, said of personas.

    same: left_persona, right_persona, decision_id; one link for each decision, whatever else would contradict.
    apart: persona_id, decision_id, side (``left``, ``right``): no customer holds both sides of one decision.
    """

    same: pl.DataFrame
    apart: pl.DataFrame


def in_force(ledger: pl.DataFrame, *, with_undos: bool = False) -> pl.DataFrame:
    """``same`` and ``not_same`` decisions that hold: not taken back, and the newest on their two anchors; by number.

    ``ledger``: the columns of the IDENTITY_DECISIONS contract. ``with_undos``: every decision that was not taken
    back, undos and such that a newer one outvotes too.
    """
    ordered = ledger.sort(pl.col("decision_id").cast(pl.Int64))
    undone: set[str] = set()
    # From the newest back: an undo counts unless a newer one took it back. People write these rows, one at a time.
    for number, target in ordered.select("decision_id", "undoes").drop_nulls("undoes").reverse().iter_rows():
        if number not in undone:
            undone.add(target)
    standing = ordered.filter(~pl.col("decision_id").is_in(sorted(undone)))
    if with_undos:
        return standing
    anchors = [pl.concat_str(f"{side}_type", f"{side}_identifier", separator=":") for side in _SIDES]
    return (
        standing.filter(pl.col("undoes").is_null())
        .with_columns(_low=pl.min_horizontal(anchors), _high=pl.max_horizontal(anchors))
        .unique(["_low", "_high"], keep="last", maintain_order=True)
        .drop("_low", "_high")
    )


def said(
    ledger: pl.DataFrame, observations: pl.DataFrame | pl.LazyFrame, records: pl.DataFrame, registry: IdentityRegistry
) -> Said:
    """Decisions in force as constraints on the personas that state their anchors.

    observations: persona_id, identifier_type, identifier, refusal, first_seen_at. records: record_id, persona_id,
    observed_at. A decision with an anchor that nobody states says nothing yet. ``same`` links the first persona of
    each side (the earliest seen, then the smallest). A persona that states both anchors of a ``not_same`` is of the
    side of the stronger one, see ``unheard``.
    """
    held = _held(in_force(ledger), observations, records, registry)
    firsts = (
        held.filter(pl.col("verdict") == "same")
        .sort("first_seen_at", "persona_id", nulls_last=True)
        .unique(["decision_id", "side"], keep="first", maintain_order=True)
    )
    left, right = (firsts.filter(pl.col("side") == side).select("decision_id", "persona_id") for side in _SIDES)
    pairs = left.join(right, on="decision_id", suffix="_right").filter(
        pl.col("persona_id") != pl.col("persona_id_right")
    )
    same = pairs.select(
        left_persona=pl.min_horizontal("persona_id", "persona_id_right"),
        right_persona=pl.max_horizontal("persona_id", "persona_id_right"),
        decision_id="decision_id",
    )
    apart = _ranked_sides(held).unique(["persona_id", "decision_id"], keep="first", maintain_order=True)
    return Said(
        same=same.sort("decision_id"),
        apart=apart.select("persona_id", "decision_id", "side").sort("decision_id", "side", "persona_id"),
    )


def unheard(
    ledger: pl.DataFrame, observations: pl.DataFrame | pl.LazyFrame, records: pl.DataFrame, registry: IdentityRegistry
) -> pl.DataFrame:
    """Values that do not count in a persona, because people said that they are another person's: persona_id,
    identifier_type, identifier; unique.

    Where a persona states both anchors of a ``not_same``, the stronger type tells whose it is, and the weaker value
    was put on the record by mistake. A decision on a record itself is the strongest.
    """
    sides = _ranked_sides(_held(in_force(ledger), observations, records, registry))
    weaker = sides.filter(~pl.struct("persona_id", "decision_id").is_first_distinct())
    return weaker.filter(pl.col("identifier_type") != RECORD).select("persona_id", *_ANCHOR).unique().sort(pl.all())


def touched(
    ledger: pl.DataFrame, observations: pl.DataFrame | pl.LazyFrame, records: pl.DataFrame, registry: IdentityRegistry
) -> pl.DataFrame:
    """Whom decisions spoke of, those taken back too: cause (``people``), cause_id, side, persona_id; unique."""
    held = _held(ledger.filter(pl.col("undoes").is_null()), observations, records, registry)
    return held.select(cause=pl.lit("people"), cause_id="decision_id", side="side", persona_id="persona_id").unique()


def without_effect(ledger: pl.DataFrame, found: Said) -> list[str]:
    """Numbers of decisions in force that say nothing: no record states an anchor of theirs, or one persona both."""
    both = found.apart.group_by("decision_id").agg(pl.col("side").n_unique()).filter(pl.col("side") > 1)
    heard = pl.concat([found.same["decision_id"], both["decision_id"]])
    return in_force(ledger).filter(~pl.col("decision_id").is_in(heard.implode()))["decision_id"].to_list()


def _held(
    decisions: pl.DataFrame,
    observations: pl.DataFrame | pl.LazyFrame,
    records: pl.DataFrame,
    registry: IdentityRegistry,
) -> pl.DataFrame:
    """Personas that state the anchors: decision_id, verdict, side, identifier_type, identifier, persona_id,
    first_seen_at, strength (0: a record itself, then the registry's order)."""
    anchors = pl.concat(
        decisions.select(
            "decision_id",
            "verdict",
            side=pl.lit(side),
            identifier_type=f"{side}_type",
            identifier=f"{side}_identifier",
        )
        for side in _SIDES
    )
    told = observations.lazy().filter(
        pl.col("refusal").is_null(), pl.col("identifier").is_in(anchors["identifier"].implode())
    )
    if anchors.is_empty():
        told, records = observations.lazy().head(0), records.head(0)  # most companies, every day
    stated = pl.concat(
        [
            told.select(*_ANCHOR, "persona_id", "first_seen_at").collect(),
            records.select(
                identifier_type=pl.lit(RECORD),
                identifier="record_id",
                persona_id="persona_id",
                first_seen_at="observed_at",
            ).join(anchors, on=_ANCHOR, how="semi"),
        ]
    )
    strength = {name: rank for rank, name in enumerate([RECORD, *(t for t in registry.types if t != RECORD)])}
    return anchors.join(stated, on=_ANCHOR).with_columns(
        strength=pl.col("identifier_type").replace_strict(strength, default=len(strength), return_dtype=pl.Int32)
    )


def _ranked_sides(held: pl.DataFrame) -> pl.DataFrame:
    """Who states an anchor of a ``not_same``, of each persona and decision the stronger side first."""
    return (
        held.filter(pl.col("verdict") == "not_same")
        .unique(["persona_id", "decision_id", "side"])
        .sort("decision_id", "persona_id", "strength", "side")
    )
