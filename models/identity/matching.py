"""The probabilistic pass from end to end: profiles to clusters, with every pair's weight and what became of it."""

from dataclasses import dataclass

import polars as pl

from models.documents.identity_matching import Matching
from models.errors import ExpectedError
from models.identity.calibrating import calibrated_cut
from models.identity.linkage import ambiguous, link, one_to_one
from models.identity.profiles import ID, SOURCE
from models.identity.scoring import MatchModel, score


class NotTwoSourcesError(ExpectedError, ValueError):
    """Two lists are to be matched one to one, but the profiles are of one source, or of three."""


@dataclass(frozen=True)
class Matched:
    """What the pass found.

    clusters: node, cluster (its smallest node), a row per profile.
    pairs: left, right, probability, weight, level_ and weight_<attribute>, decision; a row per pair that was kept.
    decision: ``linked`` (one cluster), ``review`` (for people), ``apart``.
    cut: the mean weight at which linkage stopped.
    """

    clusters: pl.DataFrame
    pairs: pl.DataFrame
    cut: float


def match(profiles: pl.DataFrame, matching: Matching, model: MatchModel, apart: pl.DataFrame | None = None) -> Matched:
    """Clusters of profiles. profiles: unit, one column per attribute, ``source`` when two lists are matched.

    apart: left, right; units that must not come together (people's decisions, conflicts of unique identifiers).
    Deterministic: the order of the rows does not matter. Raises NotTwoSourcesError when ``between`` is asked of
    anything but two sources.
    """
    pairs = score(profiles, matching, model)
    nodes = profiles[ID]
    if matching.between:
        return _one_to_one(pairs, profiles, matching, apart)
    doubtful = _only_weak(pairs, matching)
    unclear = ambiguous(pairs.filter(pl.col("weight") >= -matching.margin), doubtful, matching.margin)
    clear = pairs.join(unclear, on=["left", "right"], how="anti")
    cut = calibrated_cut(clear, nodes, matching) if matching.cut is None else matching.cut
    clusters = link(clear, nodes, cut, absent=matching.least_weight, most=matching.most_weight, apart=apart)
    return Matched(clusters=clusters, pairs=_decided(pairs, clusters, matching), cut=cut)


def _only_weak(pairs: pl.DataFrame, matching: Matching) -> pl.DataFrame:
    """Likely pairs that agree in nothing but weak attributes."""
    strong = [one.attribute for one in matching.comparisons if not set(one.columns) & set(matching.weak)]
    if not matching.weak:
        return pairs.head(0)
    agrees = pl.any_horizontal(pl.col(f"level_{name}") > 0 for name in strong) if strong else pl.lit(value=False)
    return pairs.filter(pl.col("weight") >= 0, ~agrees)


def _one_to_one(pairs: pl.DataFrame, profiles: pl.DataFrame, matching: Matching, apart: pl.DataFrame | None) -> Matched:
    sources = profiles[SOURCE].unique().sort()
    if sources.len() != 2:
        raise NotTwoSourcesError(
            f"one to one is between two sources, the profiles are of {sources.len()}: {', '.join(sources.to_list())}"
        )
    first = profiles.filter(pl.col(SOURCE) == sources[0])[ID].implode()
    ahead = pl.col("left").is_in(first)
    turned = pairs.select(
        left=pl.when(ahead).then("left").otherwise("right"),
        right=pl.when(ahead).then("right").otherwise("left"),
        weight="weight",
    )
    if apart is not None:
        both = pl.concat([apart.select("left", "right"), apart.select(left="right", right="left")])
        turned = turned.join(both, on=["left", "right"], how="anti")
    cut = 0.0 if matching.cut is None else matching.cut
    chosen = one_to_one(turned, matching.margin, cut)
    clusters = link(chosen, profiles[ID], cut, absent=matching.least_weight, most=matching.most_weight)
    return Matched(clusters=clusters, pairs=_decided(pairs, clusters, matching), cut=cut)


def _decided(pairs: pl.DataFrame, clusters: pl.DataFrame, matching: Matching) -> pl.DataFrame:
    decision = (
        pl.when(pl.col("a") == pl.col("b"))
        .then(pl.lit("linked"))
        .when(pl.col("weight") >= matching.review_from)
        .then(pl.lit("review"))
        .otherwise(pl.lit("apart"))
    )
    return (
        pairs.join(clusters.rename({"node": "left", "cluster": "a"}), on="left")
        .join(clusters.rename({"node": "right", "cluster": "b"}), on="right")
        .with_columns(decision=decision)
        .drop("a", "b")
        .sort("left", "right")
    )
