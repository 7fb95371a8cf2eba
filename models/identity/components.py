"""Connected components on integers, and the repair of those that would bring together what must stay apart."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]


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
    links: Iterable[tuple[int, int]], stated: dict[int, dict[str, set[str]]], apart: set[tuple[int, int]]
) -> tuple[dict[int, int], list[tuple[int, int, str]]]:
    """Join nodes link by link, the strongest first, and refuse each link that would break a constraint.

    ``stated``: of each node, the values of types of which one customer holds one. ``apart``: pairs that people said are
    not the same (smaller node first). Returns the root of each node, and the refused links with the reason
    (``unique:<type>`` or ``not_the_same``).
    """
    parent = {node: node for node in stated}
    held = {node: {kind: set(values) for kind, values in kinds.items()} for node, kinds in stated.items()}
    members: dict[int, set[int]] = {node: {node} for node in stated}
    refused: list[tuple[int, int, str]] = []
    foes: dict[int, set[int]] = {}
    for one, other in apart:
        foes.setdefault(one, set()).add(other)
        foes.setdefault(other, set()).add(one)

    def root_of(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in links:
        one, other = root_of(left), root_of(right)
        if one == other:
            continue
        reason = _breaks(held[one], held[other]) or _foes(members[one], members[other], foes)
        if reason:
            refused.append((left, right, reason))
            continue
        root, joined = min(one, other), max(one, other)
        parent[joined] = root
        members[root] |= members.pop(joined)
        for kind, values in held.pop(joined).items():
            held[root].setdefault(kind, set()).update(values)
    return {node: root_of(node) for node in parent}, refused


def _breaks(one: dict[str, set[str]], other: dict[str, set[str]]) -> str | None:
    for kind in sorted(one.keys() & other.keys()):
        if len(one[kind] | other[kind]) > max(1, len(one[kind]), len(other[kind])):
            return f"unique:{kind}"
    return None


def _foes(one: set[int], other: set[int], foes: dict[int, set[int]]) -> str | None:
    small, large = sorted((one, other), key=len)
    return "not_the_same" if any(not foes.get(node, set()).isdisjoint(large) for node in small) else None
