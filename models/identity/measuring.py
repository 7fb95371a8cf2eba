"""How good clusters are beside a truth: pairwise and B-cubed precision, recall and F1 of final clusters."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Quality:
    """Shares between 0 and 1, and counts. Pairwise over all true pairs, B-cubed as the mean over records.

    ``largest``: records of the largest cluster.
    """

    precision: float
    recall: float
    f1: float
    b_cubed_precision: float
    b_cubed_recall: float
    b_cubed_f1: float
    records: int
    clusters: int
    true_pairs: int
    largest: int


def measure(clusters: pl.DataFrame, truth: pl.DataFrame) -> Quality:
    """clusters: node, cluster; truth: node, truth. Only nodes that have a truth count; each once.

    Raises ValueError when no node has both. Without a single pair said or true, the share of it is 1.
    """
    rows = clusters.join(truth.drop_nulls("truth"), on="node").select("node", "cluster", "truth")
    if rows.is_empty():
        raise ValueError("no node has both a cluster and a truth")
    found, true = (rows.group_by(name).agg(size=pl.len().cast(pl.Int64)) for name in ("cluster", "truth"))
    cells = rows.group_by("cluster", "truth").agg(both=pl.len().cast(pl.Int64))
    sized = cells.join(found, on="cluster").join(true.rename({"size": "true_size"}), on="truth")
    shared = sized.sort("both", "size", "true_size")  # a sum of floats depends on their order
    together, said, held = _pairs(cells["both"]), _pairs(found["size"]), _pairs(true["size"])
    precision = together / said if said else 1.0
    recall = together / held if held else 1.0
    b_precision = float((shared["both"] ** 2 / shared["size"]).sum()) / rows.height
    b_recall = float((shared["both"] ** 2 / shared["true_size"]).sum()) / rows.height
    return Quality(
        precision=precision,
        recall=recall,
        f1=_f1(precision, recall),
        b_cubed_precision=b_precision,
        b_cubed_recall=b_recall,
        b_cubed_f1=_f1(b_precision, b_recall),
        records=rows.height,
        clusters=found.height,
        true_pairs=held,
        largest=int(found.select(pl.col("size").max()).item()),
    )


def _pairs(sizes: pl.Series) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
