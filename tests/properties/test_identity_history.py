"""Ids of customers over many runs: whoever changes the rules and changes them back, or takes a decision back, finds the
ids that were there before; and every id that was ever given leads to a customer of today.

Accidents it prevents: an id that ends on a stranger after an undo, ids of last month's export that lead nowhere, and a
history that grows by the same events in every run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.documents.identity import IdentityRegistry
from models.identity.clusters import resolve
from models.identity.history import EVENTS_SCHEMA, Before, active_ids, events_of, likely_causes
from models.identity.ids import IDENTIFIER
from models.identity.observing import observe
from models.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow
REGISTRY = IdentityRegistry.load(PROJECT_ROOT / "data" / "rulebooks" / "identity.yaml")
Links = frozenset[tuple[str, str]]
NO_CAUSES = pl.DataFrame(schema={**dict.fromkeys(("cause", "cause_id", "side"), pl.String), "persona_id": pl.Int64})


@dataclass
class History:
    """A company whose runs find records and links between them. Links are not refused: two phones are no conflict."""

    decided: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={**dict.fromkeys([*IDENTIFIER, "customer_id"], pl.String), "seq": pl.Int64}
        )
    )
    events: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={**EVENTS_SCHEMA, "seq": pl.Int64}))
    seq: int = 0

    def run(self, records: Mapping[str, str], links: Links, causes: pl.DataFrame = NO_CAUSES) -> dict[str, str]:
        """Customers by record; ``records``: the phone that each states."""
        told = self.observed(records)
        edges = pl.DataFrame(
            [(*sorted(map(number_of, pair)), "rule", 0, 1, None) for pair in links],
            schema={
                **dict.fromkeys(("left_persona", "right_persona"), pl.Int64),
                "rule": pl.String,
                "link_key": pl.Int64,
                "rule_seq": pl.Int32,
                "refusal": pl.String,
            },
            orient="row",
        )
        nobody = pl.Series([], dtype=pl.Int64)
        found = resolve(told, told.head(0).select("value_id"), edges, nobody, self.decided, REGISTRY, "key")
        self.seq += 1
        before = Before(self.decided, self.events)
        new = events_of(before, found, told, causes, f"run/{self.seq}", date(2026, 1, 1))
        number = pl.lit(self.seq, pl.Int64).alias("seq")
        self.events = pl.concat([self.events, new.with_columns(number)])
        fresh = found.identifiers.filter("is_new").select(*IDENTIFIER, "customer_id", number)
        self.decided = pl.concat([self.decided, fresh])
        names = {number_of(name): name for name in records}
        return {names[number]: customer for number, customer in found.customers.iter_rows()}

    @staticmethod
    def observed(records: Mapping[str, str]) -> pl.DataFrame:
        frame = pl.DataFrame(
            {"persona_id": [number_of(name) for name in records], "phone": list(records.values())}
        ).with_columns(
            pl.lit(date(2026, 1, 1)).cast(pl.Datetime("us")).alias(name) for name in ("first_seen_at", "last_seen_at")
        )
        return observe(frame, pl.Series([], dtype=pl.String), REGISTRY)

    def told(self) -> list[tuple[str, str, str, str]]:
        """kind, customer_id, previous_id, cause of all events, in order."""
        return list(self.events.select("kind", "customer_id", "previous_id", "cause").iter_rows())


def number_of(name: str) -> int:
    """The persona of a record, in the order of names."""
    return int.from_bytes(name.encode(), "big")


def phones(names: list[str]) -> dict[str, str]:
    """Every record states a phone of its own: nothing but the links brings them together."""
    return {name: f"+8613900000{place:03d}" for place, name in enumerate(names)}


NAMES = [f"r{place}" for place in range(8)]
links_of_runs = st.lists(
    st.frozensets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda p: p[0] < p[1]), max_size=9),
    min_size=1,
    max_size=4,
)


@settings(max_examples=16, deadline=None)
@given(between=links_of_runs, first=links_of_runs)
def test_a_change_and_back_gives_everybody_the_id_that_they_had(between: list[Links], first: list[Links]) -> None:
    history, records = History(), phones(NAMES)
    before = history.run(records, first[0])
    for links in between:
        history.run(records, links)
    assert history.run(records, first[0]) == before


@settings(max_examples=16, deadline=None)
@given(runs=links_of_runs)
def test_every_id_ever_given_leads_to_a_customer_of_today(runs: list[Links]) -> None:
    history, records = History(), phones(NAMES)
    given_ids: set[str] = set()
    for links in runs:
        alive = set(history.run(records, links).values())
        given_ids |= alive
        lead = dict(active_ids(history.events).select("previous_id", "customer_id").iter_rows())
        assert {lead.get(one, one) for one in given_ids} <= alive
        assert alive.isdisjoint(lead), "who stands today leads nowhere else"


@settings(max_examples=12, deadline=None)
@given(runs=links_of_runs, grown=st.integers(1, 7))
def test_a_decision_taken_back_leaves_no_trace_in_ids_although_people_went_on_living(
    runs: list[Links], grown: int
) -> None:
    """New records arrive while two customers are one; afterwards they are told apart."""
    history, records = History(), phones(NAMES)
    early = {name: records[name] for name in NAMES[:grown]}
    links = frozenset(pair for pair in runs[0] if set(pair) <= set(early))
    before = history.run(early, links)
    one, other = NAMES[0], NAMES[grown - 1]
    history.run(records, runs[0] | ({(one, other)} if one != other else set()))
    after = history.run(records, runs[0])
    for name in early:
        together = {known for known in early if after[known] == after[name]}
        if together == {known for known in early if before[known] == before[name]}:
            assert after[name] == before[name]


@settings(max_examples=8, deadline=None)
@given(runs=links_of_runs)
def test_the_same_again_decides_nothing_and_tells_no_events(runs: list[Links]) -> None:
    history, records = History(), phones(NAMES)
    for links in runs:
        found = history.run(records, links)
    decided, events = history.decided, history.events
    assert history.run(dict(reversed(records.items())), runs[-1]) == found
    assert history.decided.equals(decided)
    assert history.events.equals(events)


def test_events_say_what_became_of_customers() -> None:
    history, records = History(), phones(["a", "b", "c"])
    apart: Links = frozenset()
    alone = history.run(records, apart)
    assert history.told() == [], "new customers are no event"
    assert history.decided.height == 6, "each phone and each persona"
    together = history.run(records, frozenset({("a", "b"), ("b", "c")}))
    survivor = together["a"]
    gone = sorted(set(alone.values()) - {survivor})
    assert sorted(history.told()) == [("merge", survivor, one, "rules") for one in gone]
    assert active_ids(history.events).rows() == [(one, survivor) for one in gone]
    back = history.run(records, apart)
    assert back == alone
    assert sorted(history.told()[2:]) == [("split", one, survivor, "rules") for one in gone]
    assert active_ids(history.events).is_empty()


def test_a_chain_of_merges_leads_to_its_end() -> None:
    told = [("merge", "C", "B", 1), ("merge", "B", "A", 0), ("merge", "C", "X", 0), ("split", "X", "C", 2)]
    day = date(2026, 1, 1)
    rows = [(str(place), kind, into, out, day, "rules", seq) for place, (kind, into, out, seq) in enumerate(told)]
    events = pl.DataFrame(rows, schema={**EVENTS_SCHEMA, "seq": pl.Int64}, orient="row")
    assert active_ids(events).rows() == [("A", "C"), ("B", "C")]
    assert active_ids(events.reverse()).equals(active_ids(events))


def test_an_event_names_its_cause() -> None:
    """The decision stays the cause of the split when it is taken back."""
    history, records = History(), phones(["a", "b"])
    history.run(records, frozenset())
    a, b = number_of("a"), number_of("b")
    likely = pl.DataFrame({"left_persona": [a], "right_persona": [b], "decision": ["linked"]})
    said = [("people", "1", "left", b), ("people", "1", "right", a)]
    causes = pl.concat([likely_causes(likely), pl.DataFrame(said, schema=NO_CAUSES.schema, orient="row")])
    history.run(records, frozenset({("a", "b")}), causes)
    history.run(records, frozenset(), causes)
    assert [(kind, cause) for kind, _, _, cause in history.told()] == [("merge", "people"), ("split", "people")]


def test_a_shared_phone_that_changes_hands_is_no_split() -> None:
    """A stranger who states the family's phone more often takes it over: nobody fell apart."""
    history = History()
    told = {"mother": "+8613900000001"}
    mother = history.run(told, frozenset())["mother"]
    later = {**told, "son1": "+8613900000001", "son2": "+8613900000001"}
    found = history.run(later, frozenset({("son1", "son2")}))
    assert found["mother"] == mother != found["son1"]
    assert history.told() == []
