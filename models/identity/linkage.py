"""Pairs with weights to clusters: average linkage, and one to one with a margin.

A chain of good pairs must not make one person of a hundred. Two clusters become one when the mean weight (log2 of the
odds) over all pairs between them is at least the cut: at 0 when the pairs together say "the same" rather than not.
A pair that was never compared counts as ``absent``: no block holds it, which is evidence against it.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FORBIDDEN = -1e9  # outweighs any mean: no cluster ever holds a pair that people or unique identifiers keep apart


def link(
    pairs: pl.DataFrame,
    nodes: pl.Series,
    cut: float = 0.0,
    *,
    absent: float = -5.0,
    most: float = 15.0,
    apart: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Clusters: node, cluster (its smallest node), sorted by node. Every node of ``nodes`` is there.

    pairs: left, right, weight; a pair once, either way round. Weights are held within ``absent`` and ``most``, so that
    one pair never outvotes the rest. apart: left, right; pairs that must not come together. The result depends on the
    sets given, never on their order. Raises ValueError when the cut is not above ``absent``.
    """
    if cut <= absent:
        raise ValueError(f"the cut ({cut}) must be above the weight of an absent pair ({absent})")
    names = nodes.cast(pl.String).unique().sort()
    left, right, weight = _encoded(pairs.select("left", "right", pl.col("weight").clip(absent, most)), names)
    if apart is not None and apart.height:
        kept = apart.select("left", "right", weight=pl.lit(_FORBIDDEN))
        a, b, w = _encoded(kept, names)
        left, right, weight = np.append(left, a), np.append(right, b), np.append(weight, w)
    labels = _clusters(len(names), left, right, weight - absent, cut - absent)
    return pl.DataFrame({"node": names, "cluster": names.gather(labels)})


def one_to_one(pairs: pl.DataFrame, margin: float = 0.0, least: float = 0.0) -> pl.DataFrame:
    """The pairs that are each side's best: left, right, weight, margin; sorted by left, right.

    pairs: left, right, weight; ``left`` and ``right`` are two lists. A pair stays when its weight is at least ``least``
    and on both sides more than ``margin`` above the next best: an exact tie is nobody's. The column margin holds that
    distance (null: there is no next best). The order of the rows does not matter.
    """
    ranked = pl.col("weight").sort(descending=True)
    first = pl.min_horizontal(pl.col("weight") - ranked.first().over(side) for side in ("left", "right"))
    second = pl.max_horizontal(ranked.slice(1, 1).first().over(side) for side in ("left", "right"))
    return (
        pairs.filter(pl.col("weight") >= least)
        .with_columns(behind=first, margin=pl.col("weight") - second)
        .filter(pl.col("behind") == 0, (pl.col("margin") > margin).fill_null(value=True))
        .select("left", "right", "weight", "margin")
        .sort("left", "right")
    )


def ambiguous(pairs: pl.DataFrame, doubtful: pl.DataFrame, margin: float = 0.0) -> pl.DataFrame:
    """Those of the ``doubtful`` pairs (left, right, weight) that have a rival: left, right; sorted.

    pairs: left, right, weight; all that are likely, the doubtful among them. A rival of (a, b) is a pair (a, c) or
    (b, c) of at least its weight less ``margin``, where the two partners are not themselves a likely pair: three
    orders under one masked phone are no rivals of each other, two members of that mask are.
    """
    both = pl.concat(
        [pairs.select("left", "right", "weight"), pairs.select(left="right", right="left", weight="weight")]
    )
    partners = both.select(node="left", rival="right", rival_weight="weight")
    sides = [
        doubtful.select("left", "right", "weight", node=side, partner=other)
        for side, other in (("left", "right"), ("right", "left"))
    ]
    return (
        pl.concat(sides)
        .join(partners, on="node")
        .filter(pl.col("rival") != pl.col("partner"), pl.col("rival_weight") >= pl.col("weight") - margin)
        .join(both.select(partner="left", rival="right"), on=["partner", "rival"], how="anti")
        .select("left", "right")
        .unique()
        .sort("left", "right")
    )


def _encoded(pairs: pl.DataFrame, names: pl.Series) -> tuple[Integers, Integers, Floats]:
    """Pairs as positions in the sorted names, the smaller first, sorted; pairs of unknown nodes are left out."""
    places = pl.DataFrame({"name": names}).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    found = (
        pairs.join(places.rename({"name": "left", "place": "a"}), on="left")
        .join(places.rename({"name": "right", "place": "b"}), on="right")
        .filter(pl.col("a") != pl.col("b"))
        .select(i=pl.min_horizontal("a", "b"), j=pl.max_horizontal("a", "b"), weight=pl.col("weight").cast(pl.Float64))
        .sort("i", "j")
    )
    return found["i"].to_numpy(), found["j"].to_numpy(), found["weight"].to_numpy()


def _clusters(count: int, left: Integers, right: Integers, gain: Floats, cut: float) -> Integers:
    """The smallest member of each node's cluster. ``gain`` and ``cut`` are measured from the weight of an absent pair.

    A mean reaches the cut only when a pair does: clusters lie within components of such pairs. Most components are
    complete, all their pairs good: those are one cluster at once. Only the others are walked.
    """
    strong = gain >= cut
    graph = coo_array((np.ones(int(strong.sum()), dtype=np.int8), (left[strong], right[strong])), shape=(count, count))
    component = np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
    inside = component[left] == component[right]
    left, right, gain, strong = left[inside], right[inside], gain[inside], strong[inside]
    size = np.bincount(component, minlength=count)
    good = np.bincount(component[left[strong]], minlength=count)
    every = np.bincount(component[left], minlength=count)
    whole = (good == size * (size - 1) // 2) & (every == good)
    smallest = np.full(count, count, dtype=np.int64)
    np.minimum.at(smallest, component, np.arange(count))
    labels = smallest[component]
    walked = ~whole[component]
    labels[walked] = np.flatnonzero(walked)
    between = walked[left]
    _walk(labels, left[between], right[between], gain[between], cut)
    return labels


def _walk(labels: Integers, left: Integers, right: Integers, gain: Floats, cut: float) -> None:
    """Average linkage by the nearest-neighbour chain over the pairs that exist; writes the labels in place.

    From a cluster to its nearest, on to that one's nearest, until two are each other's: those become one. Exact for
    average linkage, and a step costs the neighbours of one cluster: nothing grows with the square of a component.
    """
    near: dict[int, dict[int, float]] = {}
    for a, b, value in zip(left.tolist(), right.tolist(), gain.tolist(), strict=True):
        of_a, of_b = near.setdefault(a, {}), near.setdefault(b, {})
        of_a[b] = of_b[a] = of_a.get(b, 0.0) + value
    size = dict.fromkeys(near, 1)
    members = {node: [node] for node in near}
    waiting = sorted(near, reverse=True)
    chain: list[int] = []
    while waiting or chain:
        if not chain:
            start = waiting.pop()
            if start in near:
                chain.append(start)
            continue
        here = chain[-1]
        nearest, mean = _nearest(near[here], size, here)
        if mean < cut:
            for other in near.pop(chain.pop()):
                near[other].pop(here, None)
        elif len(chain) > 1 and near[here][chain[-2]] / (size[here] * size[chain[-2]]) >= mean:
            waiting.append(_merge(near, size, members, chain.pop(), chain.pop()))
        else:
            chain.append(nearest)
    for cluster in members.values():
        labels[cluster] = min(cluster)


def _nearest(neighbours: dict[int, float], size: dict[int, int], here: int) -> tuple[int, float]:
    """The neighbour of the highest mean, the smallest of equals; (-1, -inf) when there is none."""
    best, mean = -1, -np.inf
    own = size[here]
    for other, total in neighbours.items():
        value = total / (own * size[other])
        if value > mean or (value == mean and other < best):
            best, mean = other, value
    return best, mean


def _merge(
    near: dict[int, dict[int, float]], size: dict[int, int], members: dict[int, list[int]], one: int, other: int
) -> int:
    """Make one cluster of two and return its name: that of the one with more neighbours."""
    kept, gone = (one, other) if len(near[one]) >= len(near[other]) else (other, one)
    of_kept = near[kept]
    for neighbour, total in near.pop(gone).items():
        if neighbour == kept:
            continue
        summed = of_kept.get(neighbour, 0.0) + total
        of_kept[neighbour] = summed
        of_neighbour = near[neighbour]
        del of_neighbour[gone]
        of_neighbour[kept] = summed
    of_kept.pop(gone, None)
    size[kept] += size.pop(gone)
    members[kept].extend(members.pop(gone))
    return kept
