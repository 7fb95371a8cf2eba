"""Pairs to clusters: average linkage, what keeps people apart, one to one, rivals, and the measures."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from models.documents.identity_matching import Matching
from models.identity.calibrating import calibrated_cut, labelled_cut
from models.identity.linkage import ambiguous, link, one_to_one
from models.identity.measuring import measure

Pair = tuple[str, str, float]


def frame(*pairs: Pair) -> pl.DataFrame:
    schema = {"left": pl.String, "right": pl.String, "weight": pl.Float64}
    return pl.DataFrame(list(pairs), schema=schema, orient="row")


def groups(clusters: pl.DataFrame) -> set[frozenset[str]]:
    return {frozenset(members) for members in clusters.group_by("cluster").agg("node")["node"].to_list()}


def linked(nodes: str, *pairs: Pair, cut: float = 0.0, apart: pl.DataFrame | None = None) -> set[frozenset[str]]:
    return groups(link(frame(*pairs), pl.Series(list(nodes)), cut, apart=apart))


def sets(*texts: str) -> set[frozenset[str]]:
    return {frozenset(text) for text in texts}


def test_a_pair_and_a_triangle_of_good_pairs_are_one_each_and_the_lone_stay_alone() -> None:
    assert linked("abcdef", ("a", "b", 5.0), ("c", "d", 3.0), ("d", "e", 4.0), ("e", "c", 2.0)) == sets(
        "ab", "cde", "f"
    )


def test_a_cluster_is_called_by_its_smallest_node() -> None:
    found = link(frame(("b", "c", 9.0), ("c", "a", 9.0), ("a", "b", 9.0)), pl.Series(["c", "a", "b", "d"]))
    assert found.rows() == [("a", "a"), ("b", "a"), ("c", "a"), ("d", "d")]


def test_a_chain_of_good_pairs_does_not_make_one_person_of_many() -> None:
    """Plain components give one cluster of 60: the accident of every tool's default."""
    nodes = [f"{n:02d}" for n in range(60)]
    chain = frame(*[(a, b, 4.0) for a, b in pairwise(nodes)])
    found = link(chain, pl.Series(nodes))
    assert found.group_by("cluster").len()["len"].max() == 2


def test_a_pair_that_was_compared_and_speaks_against_counts_against() -> None:
    good = [("a", "b", 6.0), ("c", "d", 6.0), ("a", "c", 2.0)]
    assert linked("abcd", *good, ("b", "d", 2.0), ("a", "d", 2.0), ("b", "c", 2.0)) == sets("abcd")
    assert linked("abcd", *good, ("b", "d", -4.0), ("a", "d", -4.0), ("b", "c", 2.0)) == sets("ab", "cd")


def test_one_pair_does_not_outvote_the_rest() -> None:
    """A weight of 500 counts as 15: with five pairs that were never compared the mean stays below the cut."""
    sure = [("a", "b", 15.0), ("c", "d", 15.0), ("c", "e", 15.0), ("d", "e", 15.0)]
    assert linked("abcde", *sure, ("a", "c", 500.0)) == sets("ab", "cde")


def test_what_must_stay_apart_stays_apart_however_strong_the_evidence() -> None:
    triangle = [("a", "b", 15.0), ("b", "c", 15.0), ("a", "c", 15.0)]
    found = linked("abc", *triangle, apart=pl.DataFrame({"left": ["c"], "right": ["a"]}))
    assert not any({"a", "c"} <= group for group in found)
    assert any("b" in group and len(group) == 2 for group in found)
    whole = [(x, y, 15.0) for n, x in enumerate("abcdefgh") for y in "abcdefgh"[n + 1 :]]
    found = linked("abcdefgh", *whole, apart=pl.DataFrame({"left": ["a"], "right": ["h"]}))
    assert not any({"a", "h"} <= group for group in found)


def test_the_cut_must_lie_above_an_absent_pair() -> None:
    with pytest.raises(ValueError, match="must be above"):
        link(frame(("a", "b", 1.0)), pl.Series(["a", "b"]), -5.0)


def random_pairs(seed: int, count: int = 40) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    pairs = [
        (f"{a:02d}", f"{b:02d}", float(draw.normal(0, 6)))
        for a in range(count)
        for b in range(a + 1, count)
        if draw.random() < 0.25
    ]
    return frame(*pairs)


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_the_textbook_on_a_dense_matrix(seed: int) -> None:
    pairs, count, absent, most, cut = random_pairs(seed), 40, -5.0, 15.0, 0.0
    similar = np.full((count, count), absent)
    for left, right, weight in pairs.rows():
        similar[int(left), int(right)] = similar[int(right), int(left)] = min(max(weight, absent), most)
    tree = linkage((most - similar)[np.triu_indices(count, 1)], "average")
    flat = fcluster(tree, most - cut, "distance")
    names = [f"{n:02d}" for n in range(count)]
    expected = {frozenset(np.array(names)[flat == label]) for label in np.unique(flat)}
    assert groups(link(pairs, pl.Series(names), cut, absent=absent, most=most)) == expected


def test_the_order_of_rows_does_not_matter() -> None:
    pairs, nodes = random_pairs(3), pl.Series([f"{n:02d}" for n in range(40)])
    turned = pairs.select(left="right", right="left", weight="weight").sample(fraction=1.0, shuffle=True, seed=8)
    assert link(turned, nodes.shuffle(seed=9)).equals(link(pairs, nodes))


def test_a_component_of_many_thousands_does_not_cost_its_square() -> None:
    """100,000 rows in one chain: a dense matrix would be 80 GB."""
    nodes = pl.Series([f"{n:06d}" for n in range(100_000)])
    chain = pl.DataFrame({"left": nodes[:-1], "right": nodes[1:], "weight": np.full(99_999, 3.0)})
    assert link(chain, nodes).group_by("cluster").len()["len"].max() == 2


def test_one_to_one_takes_the_mutual_best() -> None:
    pairs = frame(("a1", "b1", 9.0), ("a1", "b2", 7.0), ("a2", "b2", 8.0), ("a2", "b1", 1.0), ("a3", "b2", 6.0))
    assert one_to_one(pairs).rows() == [("a1", "b1", 9.0, 2.0), ("a2", "b2", 8.0, 1.0)]
    assert one_to_one(pairs, margin=1.0).rows() == [("a1", "b1", 9.0, 2.0)]
    assert one_to_one(pairs, least=10.0).is_empty()
    assert one_to_one(frame(("a1", "b1", 3.0))).rows() == [("a1", "b1", 3.0, None)]


def test_a_tie_is_nobodys() -> None:
    assert one_to_one(frame(("a1", "b1", 9.0), ("a1", "b2", 9.0))).is_empty()


def test_two_members_under_one_mask_are_rivals_and_two_orders_are_not() -> None:
    """Order o fits members m and n alike: nobody's. Orders p and q of one mask fit each other and member m."""
    rivals = frame(("m", "o", 5.0), ("n", "o", 4.5))
    assert ambiguous(rivals, rivals, margin=1.0).rows() == [("m", "o"), ("n", "o")]
    assert ambiguous(rivals, rivals, margin=0.0).rows() == [("n", "o")]
    orders = frame(("m", "p", 5.0), ("m", "q", 5.0), ("p", "q", 6.0))
    assert ambiguous(orders, orders.head(2), margin=1.0).is_empty()


def test_measures_of_a_case_done_by_hand() -> None:
    """Said {a b c} {d} {e f}, true {a b} {c d} {e f}: 4 pairs said, 3 true, 2 in both."""
    clusters = pl.DataFrame({"node": list("abcdef"), "cluster": list("aaadee")})
    found = measure(clusters, pl.DataFrame({"node": list("abcdefz"), "truth": ["1", "1", "2", "2", "3", "3", "9"]}))
    assert (found.precision, found.recall) == (2 / 4, 2 / 3)
    assert found.f1 == pytest.approx(4 / 7)
    assert found.b_cubed_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1 + 1) / 6)
    assert found.b_cubed_recall == pytest.approx((1 + 1 + 1 / 2 + 1 / 2 + 1 + 1) / 6)
    assert (found.records, found.clusters, found.true_pairs, found.largest) == (6, 3, 3, 3)


def test_measures_need_something_known() -> None:
    with pytest.raises(ValueError, match="no node has both"):
        measure(pl.DataFrame({"node": ["a"], "cluster": ["a"]}), pl.DataFrame({"node": ["b"], "truth": ["1"]}))


MATCHING = Matching.model_validate(
    {
        "comparisons": [{"attribute": "name", "kind": "text"}, {"attribute": "city", "kind": "place"}],
        "blocking": [["name"], ["city"]],
        "certain": {"rules": [["name", "city"]], "recall": 0.5},
    }
)


def people(shift: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """100 people of three rows: good pairs within; weaker, wrong pairs across at ``shift`` bits; with the truth."""
    rows = [f"{n:03d}" for n in range(300)]
    within = [(rows[3 * n + a], rows[3 * n + b], 8.0) for n in range(100) for a, b in ((0, 1), (0, 2), (1, 2))]
    across = [(rows[3 * n + a], rows[3 * n + 3 + b], shift) for n in range(99) for a in range(3) for b in range(3)]
    pairs = frame(*within, *across).with_columns(probability=1 / (1 + 2 ** -pl.col("weight")))
    return pairs, pl.DataFrame({"node": rows, "truth": [str(n // 3) for n in range(300)]})


def test_the_cut_is_found_without_labels() -> None:
    """Pairs at -2.5 bits are true once in seven times: a cut below them would join strangers."""
    pairs, truth = people(-2.5)
    cut = calibrated_cut(pairs, truth["node"], MATCHING)
    assert cut > -2.5
    assert measure(link(pairs, truth["node"], cut), truth).f1 == 1.0
    assert measure(link(pairs, truth["node"], -3.0), truth).precision < 0.6


def test_labels_of_a_part_move_the_cut() -> None:
    """The pairs claim 1.6 bits where they are wrong; a truth for a third of the rows shows it."""
    pairs, truth = people(1.6)
    cut = labelled_cut(pairs, truth["node"], MATCHING, truth.head(100), least_precision=0.9)
    assert cut > 1.6
    assert measure(link(pairs, truth["node"], cut), truth).f1 == 1.0
    assert measure(link(pairs, truth["node"], 0.0), truth).precision < 0.9
