"""Components on integers beside scipy's, on any graph. The accident: a chain whose ends are two customers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.identity.components import components, constrained

NODES = 40


def smallest_of_each(links: list[tuple[int, int]], count: int) -> list[int]:
    left, right = (np.array([link[end] for link in links], dtype=np.int32) for end in (0, 1))
    graph = coo_array((np.ones(len(links), dtype=np.int8), (left, right)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    first = {label: node for node, label in reversed(list(enumerate(labels)))}
    return [first[label] for label in labels]


@settings(max_examples=200, deadline=None)
@given(links=st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), min_size=1, max_size=60))
def test_every_node_gets_the_smallest_of_its_component(links: list[tuple[int, int]]) -> None:
    left, right = (np.array([link[end] for link in links], dtype=np.int32) for end in (0, 1))
    assert components(NODES, left, right).tolist() == smallest_of_each(links, NODES)


@pytest.mark.parametrize("seed", range(3))
def test_a_chain_of_a_hundred_thousand_in_any_order_is_one(seed: int) -> None:
    places = np.random.default_rng(seed).permutation(100_000).astype(np.int32)
    assert not components(100_000, places[:-1], places[1:]).any()


def test_nodes_without_links_stay_alone() -> None:
    none = np.array([], dtype=np.int32)
    assert components(3, none, none).tolist() == [0, 1, 2]


def test_a_link_between_two_that_are_not_the_same_is_refused_wherever_it_comes() -> None:
    """1 and 4 are not the same: whatever would bring them together last is refused, the rest stands."""
    links = [(1, 2, False), (3, 4, False), (2, 3, True), (4, 5, False)]
    held: dict[int, dict[str, set[int]]] = {node: {} for node in range(1, 6)}
    held[1], held[4] = {"not_the_same:d1": {0}}, {"not_the_same:d1": {1}}
    roots, refused = constrained(links, held)
    assert refused == [(2, 3, True, "not_the_same:d1")]
    assert roots == {1: 1, 2: 1, 3: 3, 4: 3, 5: 3}


def test_what_people_say_goes_before_a_unique_identifier_and_a_third_value_is_refused() -> None:
    held = {1: {"unique:card": {10}}, 2: {"unique:card": {20}}, 3: {"unique:card": {30}}, 4: {"unique:card": {20}}}
    roots, refused = constrained([(1, 2, True), (2, 3, False), (1, 4, False)], held)
    assert refused == [(2, 3, False, "unique:card")]
    assert roots == {1: 1, 2: 1, 3: 3, 4: 1}
