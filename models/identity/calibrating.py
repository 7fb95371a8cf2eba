"""Where average linkage stops: without labels from the pairs' own probabilities, with them from a part of the truth."""

import polars as pl

from models.documents.identity_matching import Matching
from models.identity.linkage import link
from models.identity.measuring import measure

_STEPS = [step / 2 for step in range(-6, 9)]  # half a bit: finer steps moved F1 by less than 0.002 on public data


def calibrated_cut(pairs: pl.DataFrame, nodes: pl.Series, matching: Matching) -> float:
    """The cut of the highest F1 that is to be expected if the pairs' probabilities hold; the highest of equals.

    pairs: left, right, weight, probability. Expected true pairs are the sum of the probabilities, expected hits that
    sum within the clusters; pairs that were not kept count as 0.
    """
    expected = {cut: _expected_f1(pairs, _linked(pairs, nodes, matching, cut)) for cut in _cuts(matching)}
    return max(expected, key=lambda cut: (round(expected[cut], 4), cut))


def labelled_cut(
    pairs: pl.DataFrame, nodes: pl.Series, matching: Matching, truth: pl.DataFrame, least_precision: float = 0.0
) -> float:
    """The cut of the highest pairwise F1 on the nodes that have a truth (node, truth), at ``least_precision`` or above.

    Without any cut of that precision, the most precise one. All rows are clustered, only the known ones are judged.
    """
    found = {cut: measure(_linked(pairs, nodes, matching, cut), truth) for cut in _cuts(matching)}
    good = {cut: quality.f1 for cut, quality in found.items() if quality.precision >= least_precision}
    if not good:
        return max(found, key=lambda cut: (found[cut].precision, cut))
    return max(good, key=lambda cut: (good[cut], cut))


def _cuts(matching: Matching) -> list[float]:
    return [cut for cut in _STEPS if matching.least_weight < cut < matching.most_weight]


def _linked(pairs: pl.DataFrame, nodes: pl.Series, matching: Matching, cut: float) -> pl.DataFrame:
    return link(pairs, nodes, cut, absent=matching.least_weight, most=matching.most_weight)


def _expected_f1(pairs: pl.DataFrame, clusters: pl.DataFrame) -> float:
    sides = pairs.join(clusters.rename({"node": "left", "cluster": "a"}), on="left").join(
        clusters.rename({"node": "right", "cluster": "b"}), on="right"
    )
    sizes = clusters.group_by("cluster").agg(size=pl.len().cast(pl.Int64))["size"]
    said = int((sizes * (sizes - 1) // 2).sum())
    true = float(sides["probability"].sum())
    hits = float(sides.filter(pl.col("a") == pl.col("b"))["probability"].sum())
    return 2 * hits / (said + true) if said + true else 1.0
