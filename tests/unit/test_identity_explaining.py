"""Why two are one customer: the way of links, what keeps two apart, and what people have decided meanwhile.

Accidents it prevents: a way that goes round by a weak rule where a strong one leads straight, a guard's refusal shown
without the values that contradict, an order that stays in the queue after somebody gave it to a customer.
"""

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from models.identity.explaining import evidence_of, explain_way, graph, obstacles, way
from models.serving import Read, Snapshots, Viewer, run
from models.serving.anchoring import anchor_of
from models.serving.explaining import Found, explain, find, pair
from models.serving.reviewing import anchors, open_reviews
from models.store import Anchor
from tests.factories_snapshot import build_snapshot

OWNER = Viewer.owner_of_the_company()
ANALYST = Viewer("a", "", frozenset({"analyst"}), None, sees_personal=False)
SEEN = datetime(2026, 5, 1)


def links(*rows: tuple[str, str, str, int | None]) -> pl.DataFrame:
    """Links of (left, right, rule, place of the rule)."""
    return pl.DataFrame(
        [(*row, "phone", None, None, SEEN) for row in rows],
        schema={
            **dict.fromkeys(("left_persona", "right_persona", "rule"), pl.String),
            "rule_seq": pl.Int64,
            "types": pl.String,
            "weight_ppm": pl.Int64,
            "evidence": pl.String,
            "seen_at": pl.Datetime("us"),
        },
        orient="row",
    )


def stated(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    """Values of (customer, persona, type, value), numbered as the snapshot numbers them."""
    schema = dict.fromkeys(("customer_id", "persona_id", "identifier_type", "identifier"), pl.String)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    number = pl.struct("identifier_type", "identifier").rank("dense").cast(pl.Int64)
    return frame.with_columns(source=pl.lit("orders"), records_count=pl.lit(1, pl.Int64), value_no=number)


def walked(found: list[dict[str, object]] | None) -> list[tuple[object, object, object]] | None:
    return None if found is None else [(one["left_persona"], one["rule"], one["right_persona"]) for one in found]


def test_the_shortest_way_is_taken_and_of_two_as_short_the_stronger():
    net = links(
        ("a", "b", "weak", 8), ("b", "d", "weak", 8), ("a", "c", "strong", 1), ("c", "d", "weak", 8),
        ("a", "x", "strong", 1), ("x", "y", "strong", 1), ("y", "z", "strong", 1), ("z", "d", "strong", 1),
    )  # fmt: skip
    assert walked(way(net, {"a"}, {"d"})) == [("a", "strong", "c"), ("c", "weak", "d")]
    assert walked(way(net, {"d"}, {"a"})) == [("d", "weak", "c"), ("c", "strong", "a")], "from the other end, turned"
    assert walked(way(net.reverse(), {"a"}, {"d"})) == walked(way(net, {"a"}, {"d"})), "whatever the order of rows"


def test_a_way_begins_and_ends_at_the_nearest_of_many_personas():
    net = links(("a", "b", "r", 1), ("b", "c", "r", 1), ("e", "c", "r", 1))
    assert walked(way(net, {"a", "e"}, {"c"})) == [("e", "r", "c")]
    assert way(net, {"a", "b"}, {"b"}) == [], "one persona is both ends"
    assert way(net, {"a"}, {"nobody"}) is None
    assert way(net.clear(), {"a"}, {"b"}) is None


def test_of_several_rules_between_two_the_strongest_is_told_and_the_others_beside_it():
    net = links(("a", "b", "same_phone", 8), ("a", "b", "people", None), ("a", "b", "same_member", 3))
    (step,) = way(net, {"a"}, {"b"}) or []
    assert step["rule"] == "people", "what people decided is stronger than any rule"
    assert sorted(name for name, _ in step["also"]) == ["same_member", "same_phone"]
    (likely,) = way(links(("a", "b", "likely", None), ("a", "b", "same_phone", 8)), {"a"}, {"b"}) or []
    assert likely["rule"] == "same_phone", "and a likely link weaker than all"


def test_a_step_tells_what_both_sides_state_and_a_name_as_it_was_written():
    values = stated(
        ("C", "a", "phone", "+861"), ("C", "a", "name", "王芳"), ("C", "a", "name_sound", "wang fang"),
        ("C", "b", "phone", "+861"), ("C", "b", "name", "王方"), ("C", "b", "name_sound", "wang fang"),
    )  # fmt: skip
    net = links(("a", "b", "same_phone_and_name", 7)).with_columns(types=pl.lit("phone name_sound"))
    (step,) = explain_way(values, net, {"a"}, {"b"}) or []
    assert step.shared == (("phone", "+861"), ("name", "王芳"))
    assert (step.left.name, step.right.name, step.right.identifier) == ("王芳", "王方", "+861")


def test_evidence_begins_with_two_at_random_and_goes_on_with_what_says_most():
    rows = [("a", 2.0), ("b", -7.0), ("base_rate", -3.0)]
    text = json.dumps([{"attribute": name, "level": 1, "label": "equal", "weight": weight} for name, weight in rows])
    assert [one.attribute for one in evidence_of(text)] == ["base_rate", "b", "a"]
    assert evidence_of(None) == ()


def test_what_contradicts_is_taken_from_the_person_where_the_record_itself_is_silent():
    refusals = pl.DataFrame(
        {
            **{"customer_id": ["A"], "other_customer_id": ["B"], "this_persona": ["a1"], "that_persona": ["b1"]},
            **{"rule": ["same_phone"], "refusal": ["guard:name_sound"], "links_count": [3], "seen_at": [SEEN]},
        }
    )
    values = stated(("A", "a1", "phone", "+861"), ("A", "a2", "name", "王芳"), ("B", "b1", "name", "李娜"))
    (found,) = obstacles(refusals, values)
    assert (found.kind, found.type, found.here, found.there) == ("guard", "name", ("王芳",), ("李娜",))
    (torn,) = obstacles(refusals.with_columns(refusal=pl.lit("torn")), values)
    assert (torn.kind, torn.type, torn.here) == ("torn", None, ())


def test_a_graph_draws_equal_personas_once_and_no_more_links_than_hold_it_together():
    values = stated(
        ("C", "a", "phone", "+861"), ("C", "b", "phone", "+861"), ("C", "m", "member_no", "M1"),
        ("C", "m", "phone", "+861"), ("C", "w", "unionid", "u"),
    )  # fmt: skip
    net = links(("a", "b", "p", 8), ("a", "m", "p", 8), ("b", "m", "p", 8), ("m", "w", "u", 1), ("a", "w", "p", 8))
    found = graph(values, net)
    assert {name: node.records_count for name, node in found.nodes.items()} == {"a": 2, "m": 1, "w": 1}
    assert sorted(edge[:3] for edge in found.edges) == [("a", "m", "p"), ("m", "w", "u")]


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    folder: Path = tmp_path_factory.mktemp("published")
    build_snapshot(folder)
    return Snapshots(folder)


@pytest.fixture
def read(snapshots: Snapshots) -> Read:
    return lambda query_id, **given: run(snapshots, query_id, OWNER, **given)


def test_people_are_found_by_id_value_type_and_order(read):
    for text in ("C000003", "+8613800000003", "13800000003", "phone:138 0000 0003", "record:S01:rec:C000003"):
        assert [one.customer_id for one in find(read, text)] == ["C000003"], text
    order = read("customer_orders", customer_id="C000003").row(0, named=True)
    for text in (order["order_key"], order["order_id"], f"orders:{order['order_key']}", f"order:{order['order_key']}"):
        assert [(one.customer_id, one.personas) for one in find(read, text)] == [("C000003", frozenset({32}))], text
    assert find(read, "unionid:13800000003") == [], "another type is another value"
    assert find(read, "nobody at all") == []
    assert [one.customer_id for one in find(read, "C900001")] == ["C000002"], "an id that was merged leads to the other"


def test_one_customer_two_customers_and_a_record_of_nobody(read):
    one, other = pair(find(read, "phone:13800000003"), find(read, "C000003"))
    assert explain(read, one, other).verdict == "one"
    orders = find(read, read("customer_orders", customer_id="C000003")["order_key"][0])
    (step,) = explain(read, orders[0], find(read, "record:S01:rec:C000003")[0]).steps
    assert (step.rule, step.shared) == ("same_phone", (("phone", "+8613800000003"),))
    apart = explain(read, find(read, "C000001")[0], find(read, "C000002")[0])
    assert apart.verdict == "apart" and not apart.steps
    (found,) = apart.obstacles
    assert (found.kind, found.type, found.here, found.there) == ("guard", "member_no", ("M000001",), ("M000002",))
    waiting = explain(read, find(read, "C000006")[0], find(read, "C000003")[0])
    assert waiting.reviews["kind"].to_list() == ["likely"] and not waiting.obstacles
    nothing = explain(read, find(read, "C000010")[0], find(read, "C000011")[0])
    assert nothing.verdict == "apart" and not nothing.obstacles and nothing.reviews.is_empty()


def test_who_may_not_see_personal_values_gets_the_reasons_with_masked_ones(snapshots):
    def masked(query_id: str, **given: object) -> pl.DataFrame:
        return run(snapshots, query_id, ANALYST, **given)

    (found,) = explain(masked, find(masked, "C000001")[0], find(masked, "C000002")[0]).obstacles
    assert "M000001" not in found.here and "*" in found.here[0]


def decisions(*rows: tuple[str, str, str, str, str]) -> pl.DataFrame:
    names = ("verdict", "left_type", "left_identifier", "right_type", "right_identifier")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def decision(verdict: str, left: Anchor, right: Anchor) -> tuple[str, str, str, str, str]:
    return (verdict, left.type, left.identifier, right.type, right.identifier)


def test_a_decided_question_is_gone_and_an_order_given_to_one_is_no_question_for_another(read):
    def still_open(*rows: tuple[str, str, str, str, str]) -> list[tuple[str, str]]:
        return open_reviews(read, decisions(*rows)).select("kind", "customer_id").rows()

    everything = [("likely", "C000003"), ("torn", "C000007"), ("torn", "C000008")]
    assert still_open() == everything
    pair_of = {
        row["customer_id"]: anchors(read, row["customer_id"], row["other_customer_id"], row["record_id"])
        for row in read("identity_reviews").iter_rows(named=True)
    }
    torn_order = read("identity_reviews")["record_id"][1]
    assert pair_of["C000007"] == (Anchor("phone", "+8613800000007"), Anchor("record", torn_order))
    likely, torn = pair_of["C000003"], pair_of["C000007"]
    assert still_open(decision("not_same", likely[1], likely[0])) == everything[1:], "whichever side was named first"
    assert still_open(decision("not_same", *torn)) == [everything[0], everything[2]]
    assert still_open(decision("same", *torn)) == everything[:1]
    assert still_open(("same", "phone", "+8613800000001", "phone", "+8613800000002")) == everything


def test_a_decision_counts_however_many_were_made_since(read):
    person, record = anchors(read, "C000007", None, read("identity_reviews")["record_id"][1])
    later = [("not_same", "member_no", f"A{number}", "member_no", f"B{number}") for number in range(1200)]
    first = decision("not_same", person, record)
    assert open_reviews(read, decisions(first, *later))["customer_id"].to_list() == ["C000003", "C000008"]
    # the customer is named by an old decision already, the order by the newest one only
    known = decision("not_same", person, Anchor("member_no", "of a stranger"))
    far_apart = decisions(known, *later, first)
    assert open_reviews(read, far_apart)["customer_id"].to_list() == ["C000003", "C000008"]


def test_a_shop_that_is_called_like_a_type_keeps_its_orders():
    def read(query_id: str, **given: object) -> pl.DataFrame:
        found = {"identity_find_order": "phone:9", "identity_holders": ("orders:phone:9",)}.get(query_id)
        rows = [("C1", 7)] if found is not None and found in given.values() else []
        schema = {"customer_id": pl.String, "persona_id": pl.Int64}
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        return frame.with_columns(kind=pl.lit("merge"), previous_id=pl.lit(None, pl.String), identifier_type=pl.lit(""))

    assert find(read, "phone:9") == [Found("C1", frozenset({7}))]
    assert anchor_of(read, " phone:9 ") == Anchor("record", "orders:phone:9")
    assert find(read, "phone:8") == [] == find(read, "phone:138 0000 0008")
