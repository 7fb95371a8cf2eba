"""Connected components of five million nodes and eight million links, beside scipy's in the same run."""

import time
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.identity.components import Integers, components

NODES, LINKS = 5_000_000, 8_000_000


def measure() -> dict[str, Any]:
    """Seconds by shape of graph. customers: small components, as people are; random: one giant; chain: the longest."""
    chance = np.random.default_rng(20_260_630)
    places = chance.permutation(NODES).astype(np.int32)
    groups = chance.integers(0, NODES // 4, LINKS) * 4
    ends = [(groups + chance.integers(0, 4, LINKS)).astype(np.int32) for _ in range(2)]
    anywhere = [chance.integers(0, NODES, LINKS).astype(np.int32) for _ in range(2)]
    shapes = {
        "customers": (places[ends[0]], places[ends[1]]),
        "random": (anywhere[0], anywhere[1]),
        "chain": (places[:-1], places[1:]),
    }
    return {"nodes": NODES, "links": LINKS, **{name: _compared(*shape) for name, shape in shapes.items()}}


def _compared(left: Integers, right: Integers) -> dict[str, Any]:
    started = time.perf_counter()
    ours = components(NODES, left, right)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    graph = coo_array((np.ones(left.size, dtype=np.int8), (left, right)), shape=(NODES, NODES))
    found, _ = connected_components(graph, directed=False)
    scipy_seconds = time.perf_counter() - started
    if np.unique(ours).size != found:
        raise ArithmeticError(f"{np.unique(ours).size} components, scipy finds {found}")
    return {
        "seconds": round(seconds, 2),
        "scipy_seconds": round(scipy_seconds, 2),
        "ratio": round(scipy_seconds / seconds, 1),
        "components": int(found),
    }
