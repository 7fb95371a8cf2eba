"""Connected components on integers, and the repair of those that would bring together what must stay apart."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]
Booleans = NDArray[np.bool_]
#: How names of constraints begin: of a type of identifier one customer has one value; of a decision one side.
UNIQUE, NOT_THE_SAME = "unique:", "not_the_same:"


def components(count: int, left: Integers, right: Integers) -> Integers:
    """The smallest node of each node's component, by nodes 0 .. count-1. ``left`` and ``right``: the ends of links.

    Method: hooking and pointer jumping (Shiloach, Vishkin 1982): of a link between two trees the greater root is hung
    under the smaller, then every node is hung under its root; rounds grow with the logarithm of the longest chain.
    """
    roots = np.arange(count, dtype=np.int32)
    while left.size:
        low, high = np.minimum(left, right), np.maximum(left, right)
        apart = low != high
        low, high = low[apart], high[apart]
        if not low.size:
            break
        roots[high] = low  # of several writers any one will do: the rest comes again in the next round
        _hang_under_roots(roots)
        left, right = roots[low], roots[high]
    return roots


def _hang_under_roots(roots: Integers) -> None:
    while True:
        above = roots[roots]
        if np.array_equal(above, roots):
            return
        roots[:] = above


def constrained(
    links: Iterable[tuple[int, int, bool]], held: dict[int, dict[str, set[int]]]
) -> tuple[dict[int, int], list[tuple[int, int, bool, str]]]:
    """Join nodes link by link, the strongest first, and refuse each link that would break a constraint.

    links: two nodes, and whether people said so. ``held``: every node, and under the name of a constraint the values of
    it that the node has; of each one group holds one. ``unique:<type>`` does not bind what people said,
    ``not_the_same:<decision>`` binds everything. A node that has two values itself, or two that people brought
    together, may have both, and no third. Returns the root of each node, and the refused links with the constraint.
    """
    parent = {node: node for node in held}
    together = {node: {name: set(values) for name, values in kinds.items()} for node, kinds in held.items()}
    refused: list[tuple[int, int, bool, str]] = []

    def root_of(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right, is_said in links:
        one, other = root_of(left), root_of(right)
        if one == other:
            continue
        if reason := _breaks(together[one], together[other], is_said=is_said):
            refused.append((left, right, is_said, reason))
            continue
        root, joined = min(one, other), max(one, other)
        parent[joined] = root
        for name, values in together.pop(joined).items():
            together[root].setdefault(name, set()).update(values)
    return {node: root_of(node) for node in parent}, refused


def _breaks(one: dict[str, set[int]], other: dict[str, set[int]], *, is_said: bool) -> str | None:
    for name in sorted(one.keys() & other.keys()):
        if is_said and name.startswith(UNIQUE):
            continue
        if len(one[name] | other[name]) > max(1, len(one[name]), len(other[name])):
            return name
    return None
