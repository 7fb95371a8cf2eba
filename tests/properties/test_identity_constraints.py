"""What one customer may not hold, on any links: two unique identifiers, both sides of what people said to be two.

The accidents: a decision of a person that a rule undoes, two cards on one customer, a result that depends on the order
in which links were read.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.documents.identity import IdentityRegistry
from models.identity.clusters import Grouped, group
from models.identity.decisions import Said
from models.identity.observing import observe

REGISTRY = IdentityRegistry.parse(
    "identifiers: [{name: card, unique: true}, {name: phone}]\nrules: [{name: same_phone, same: [phone]}]",
    name="identity.yaml",
)
PERSONAS = 12
SEEN = datetime(2026, 1, 1)
ends = st.tuples(st.integers(0, PERSONAS - 1), st.integers(0, PERSONAS - 1)).filter(lambda pair: pair[0] != pair[1])


@dataclass(frozen=True)
class Case:
    """cards: of each persona, or none. links: two personas and the place of the rule. apart: the two sides."""

    cards: list[str | None]
    links: list[tuple[int, int, int]]
    same: list[tuple[int, int]]
    apart: list[tuple[frozenset[int], frozenset[int]]]

    def said(self) -> Said:
        same = [(*sorted(pair), f"s{n}") for n, pair in enumerate(self.same)]
        apart = [
            (persona, f"a{n}", side)
            for n, sides in enumerate(self.apart)
            for side, personas in zip(("left", "right"), sides, strict=True)
            for persona in personas
        ]
        return Said(
            pl.DataFrame(
                same,
                schema={"left_persona": pl.Int64, "right_persona": pl.Int64, "decision_id": pl.String},
                orient="row",
            ),
            pl.DataFrame(
                apart, schema={"persona_id": pl.Int64, "decision_id": pl.String, "side": pl.String}, orient="row"
            ),
        )

    def grouped(self, links: list[tuple[int, int, int]] | None = None) -> Grouped:
        rows = [
            (*sorted((one, other)), f"rule{seq}", one * 100 + other, seq, None)
            for one, other, seq in (self.links if links is None else links)
        ]
        edges = pl.DataFrame(
            rows,
            schema={
                **dict.fromkeys(("left_persona", "right_persona"), pl.Int64),
                "rule": pl.String,
                "link_key": pl.Int64,
                "rule_seq": pl.Int32,
                "refusal": pl.String,
            },
            orient="row",
        )
        told = observe(self.personas(), pl.Series([], dtype=pl.String), REGISTRY)
        nothing = told.head(0).select("value_id")
        return group(told, nothing, edges, pl.Series([], dtype=pl.Int64), REGISTRY, self.said())

    def personas(self) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "persona_id": range(PERSONAS),
                "card": self.cards,
                "phone": [f"+86139000000{n:02d}" for n in range(PERSONAS)],
                "first_seen_at": [SEEN] * PERSONAS,
                "last_seen_at": [SEEN] * PERSONAS,
            },
            schema_overrides={"card": pl.String},
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    sides = st.sets(st.integers(0, PERSONAS - 1), min_size=2, max_size=5).map(
        lambda found: (frozenset(list(found)[::2]), frozenset(list(found)[1::2]))
    )
    return Case(
        draw(st.lists(st.sampled_from([None, None, "c1", "c2", "c3"]), min_size=PERSONAS, max_size=PERSONAS)),
        draw(st.lists(st.tuples(ends, st.integers(1, 3)).map(lambda found: (*found[0], found[1])), max_size=25)),
        draw(st.lists(ends, max_size=3)),
        draw(st.lists(sides, max_size=3)),
    )


def parts(found: Grouped) -> dict[int, int]:
    return dict(found.nodes.select("persona_id", "component").iter_rows())


def check(case: Case, found: Grouped) -> None:
    """No group breaks a constraint."""
    of = parts(found)
    for left, right in case.apart:
        assert not {of[one] for one in left} & {of[one] for one in right}
    said = {frozenset(pair) for pair in case.same}
    together: dict[int, set[int]] = defaultdict(set)
    for persona, part in of.items():
        together[part].add(persona)
    for members in together.values():
        cards = {case.cards[one] for one in members} - {None}
        assert len(cards) <= 1 or any(pair <= members for pair in said), "only people may bring two cards together"


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_no_group_breaks_a_constraint_and_a_link_is_followed_or_cut(case: Case) -> None:
    found = case.grouped()
    check(case, found)
    of = parts(found)
    cut = set(found.cuts.select("left_persona", "right_persona").iter_rows())
    every = [tuple(sorted(pair)) for pair in [*case.same, *((one, other) for one, other, _ in case.links)]]
    for one, other in every:
        assert (of[one] == of[other]) != ((one, other) in cut)
    assert cut <= set(every)


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_whom_people_call_one_person_are_one_unless_people_said_otherwise(case: Case) -> None:
    alone = Case(case.cards, case.links, case.same, [])
    of = parts(alone.grouped())
    assert all(of[one] == of[other] for one, other in case.same)
    reasons = set(case.grouped().cuts.filter(pl.col("rule") == "people")["refusal"])
    assert all(reason.startswith("not_the_same:a") for reason in reasons)


@settings(max_examples=60, deadline=None)
@given(case=cases(), turn=st.randoms(use_true_random=False))
def test_the_order_of_links_changes_nothing_and_asking_again_neither(case: Case, turn: "object") -> None:
    found = case.grouped()
    mixed = list(case.links)
    turn.shuffle(mixed)  # type: ignore[attr-defined]
    again = case.grouped(mixed)
    assert again.nodes.equals(found.nodes)
    assert again.cuts.equals(found.cuts)
    cut = set(found.cuts.select("left_persona", "right_persona", "rule").iter_rows())
    kept = [link for link in case.links if (*sorted(link[:2]), f"rule{link[2]}") not in cut]
    rest = case.grouped(kept)
    assert rest.nodes.equals(found.nodes)
    assert rest.cuts.filter(pl.col("rule") != "people").is_empty()
