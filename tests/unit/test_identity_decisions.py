"""What people decided about who is who: what holds of it, and what it says of personas.

Accidents it prevents: an undo that leaves half of a decision behind, an older word that outvotes a newer one, a number
put on the wrong record that keeps two people together although somebody said that they are two.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from models.contracts import contract
from models.documents.identity import IdentityRegistry
from models.identity.clusters import resolve
from models.identity.decisions import Said, in_force, said, touched, unheard, without_effect
from models.identity.ids import IDENTIFIER
from models.identity.observing import observe
from models.settings import PROJECT_ROOT
from models.store import Anchor, DecisionRefusedError, Store
from models.store.identity_decisions import NOT_SAME, SAME
from pipelines.lake import Lake
from pipelines.landing_store import DECISIONS_SOURCE, land_store

NOON = datetime(2026, 5, 1, 12)
REGISTRY = IdentityRegistry.load(PROJECT_ROOT / "data" / "rulebooks" / "identity.yaml")
PHONE, MEMBER, UNION = Anchor("phone", "+8613900000001"), Anchor("member_no", "m1"), Anchor("unionid", "u1")
ORDER = Anchor("record", "orders:S1:T9")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


def decide(store: Store, verdict: str, left: Anchor, right: Anchor) -> int:
    return store.identity_decisions.decide(verdict, left, right, reason="asked them", author="cli:me", at=NOON)


def undo(store: Store, number: int) -> int:
    return store.identity_decisions.undo(number, reason="a mistake", author="cli:me", at=NOON)


def holding(store: Store) -> list[str]:
    return store.identity_decisions.in_force()["decision_id"].to_list()


# ------------------------------------------------------------------ the ledger


def test_an_undo_can_be_undone(store: Store) -> None:
    one = decide(store, SAME, PHONE, MEMBER)
    two = undo(store, one)
    assert holding(store) == []
    three = undo(store, two)
    assert holding(store) == ["1"]
    undo(store, three)
    assert holding(store) == []
    assert store.identity_decisions.rows_after(0).height == 4, "nothing is ever removed"


def test_what_was_taken_back_cannot_be_taken_back_again(store: Store) -> None:
    one = decide(store, SAME, PHONE, MEMBER)
    undo(store, one)
    with pytest.raises(DecisionRefusedError, match="taken back by 2; undo 2 instead"):
        undo(store, one)
    with pytest.raises(DecisionRefusedError, match="no decision 9"):
        undo(store, 9)
    assert store.identity_decisions.head() == 2


def test_the_newest_word_on_two_anchors_holds_whichever_is_named_first(store: Store) -> None:
    decide(store, SAME, PHONE, MEMBER)
    decide(store, SAME, PHONE, UNION)
    three = decide(store, NOT_SAME, MEMBER, PHONE)
    assert holding(store) == ["2", "3"]
    undo(store, three)
    assert holding(store) == ["1", "2"], "the older word holds again"


@pytest.mark.parametrize(
    ("verdict", "left", "right", "reason", "words"),
    [
        (SAME, PHONE, PHONE, "r", "both sides"),
        (SAME, PHONE, Anchor("phone", " "), "r", "two people"),
        ("perhaps", PHONE, MEMBER, "r", "`same` or `not_same`"),
        (SAME, PHONE, MEMBER, " ", "a reason and an author"),
    ],
)
def test_a_decision_that_says_nothing_is_refused(
    store: Store, verdict: str, left: Anchor, right: Anchor, reason: str, words: str
) -> None:
    with pytest.raises(DecisionRefusedError, match=words):
        store.identity_decisions.decide(verdict, left, right, reason=reason, author="cli:me", at=NOON)
    assert store.identity_decisions.head() == 0


def test_decisions_land_once_as_the_contract_says(store: Store, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    undo(store, decide(store, SAME, PHONE, MEMBER))
    (commit,) = land_store(lake, store)
    assert (commit.entry.source, commit.entry.cursor) == (DECISIONS_SOURCE, {"seq": 2})
    assert land_store(lake, store) == []
    decide(store, NOT_SAME, PHONE, ORDER)
    land_store(lake, store)
    landed = lake.read("landed", "identity_decisions")
    assert contract("identity_decisions").schema.validate(landed).height == 3
    assert landed["_row"].to_list() == [1, 2, 3]
    assert in_force(landed)["decision_id"].to_list() == ["3"]


# ------------------------------------------------------------------ what they say of personas

RECORDS = {
    1: {"unionid": "u1", "phone": "+8613900000001"},  # the wrong number on the card of u1
    2: {"phone": "+8613900000001"},
    3: {"phone": "+8613900000001", "member_no": "m1"},
    4: {"unionid": "u2"},
}


def told(records: dict[int, dict[str, str]] = RECORDS) -> pl.DataFrame:
    columns = sorted({column for record in records.values() for column in record})
    seen = {"first_seen_at": NOON, "last_seen_at": NOON}
    rows = [{"persona_id": one, **{c: record.get(c) for c in columns}, **seen} for one, record in records.items()]
    frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(columns, pl.String), infer_schema_length=None)
    return observe(frame, pl.Series([], dtype=pl.String), REGISTRY)


NAMED = pl.DataFrame({"record_id": ["orders:S1:T9"], "persona_id": [2], "observed_at": [NOON]})


def heard(store: Store) -> Said:
    ledger = store.identity_decisions.rows_after(0)
    return said(ledger, told(), NAMED, REGISTRY)


def test_same_links_one_persona_of_each_side_once(store: Store) -> None:
    decide(store, SAME, Anchor("unionid", "u2"), PHONE)
    assert heard(store).same.rows() == [(1, 4, "1")]
    assert heard(store).apart.is_empty()


def test_a_persona_that_states_both_is_of_the_stronger_side_and_the_weaker_value_does_not_count(store: Store) -> None:
    decide(store, NOT_SAME, PHONE, UNION)
    assert set(heard(store).apart.rows()) == {(1, "1", "right"), (2, "1", "left"), (3, "1", "left")}
    ledger = store.identity_decisions.rows_after(0)
    dropped = unheard(ledger, told(), NAMED, REGISTRY)
    assert dropped.rows() == [(1, "phone", PHONE.identifier)]
    rest = told().join(dropped, on=dropped.columns, how="anti")
    assert rest.height == told().height - 1
    assert said(ledger, rest, NAMED, REGISTRY).apart.equals(heard(store).apart), "the same without that value"


def test_a_word_on_a_record_is_stronger_than_what_stands_on_it(store: Store) -> None:
    decide(store, NOT_SAME, PHONE, ORDER)
    assert (2, "1", "right") in heard(store).apart.rows()
    dropped = unheard(store.identity_decisions.rows_after(0), told(), NAMED, REGISTRY)
    assert dropped.rows() == [(2, "phone", PHONE.identifier)]


def test_what_nobody_states_says_nothing_yet_and_is_reported(store: Store) -> None:
    decide(store, SAME, PHONE, Anchor("member_no", "unheard of"))
    decide(store, SAME, PHONE, ORDER)
    found = heard(store)
    assert found.same.rows() == [(1, 2, "2")]
    assert without_effect(store.identity_decisions.rows_after(0), found) == ["1"]


def test_a_blocked_value_names_nobody(store: Store) -> None:
    blocked = Anchor("phone", "+8613800138000")
    records = {1: {"phone": blocked.identifier, "unionid": "u1"}, 2: {"member_no": "m1"}}
    decide(store, SAME, blocked, MEMBER)
    assert said(store.identity_decisions.rows_after(0), told(records), NAMED, REGISTRY).same.is_empty()


def test_whom_a_decision_spoke_of_is_known_after_it_was_taken_back(store: Store) -> None:
    undo(store, decide(store, SAME, UNION, ORDER))
    ledger = store.identity_decisions.rows_after(0)
    spoken_of = touched(ledger, told(), NAMED, REGISTRY)
    assert set(spoken_of.rows()) == {("people", "1", "left", 1), ("people", "1", "right", 2)}


# ------------------------------------------------------------------ and of customers

LINKS = [(1, 2), (2, 3)]


def customers(
    store: Store, decided: pl.DataFrame | None = None, records: dict[int, dict[str, str]] = RECORDS
) -> tuple[dict[int, str], pl.DataFrame]:
    """Who is who when the first three are linked by a rule, and everything that is decided then."""
    ledger = store.identity_decisions.rows_after(0)
    dropped = unheard(ledger, told(records), NAMED, REGISTRY)
    stated = told(records).join(dropped, on=dropped.columns, how="anti")
    edges = pl.DataFrame(
        [(one, other, "same_phone", 0, 8, None) for one, other in LINKS],
        schema={
            **dict.fromkeys(("left_persona", "right_persona"), pl.Int64),
            **{"rule": pl.String, "link_key": pl.Int64, "rule_seq": pl.Int32, "refusal": pl.String},
        },
        orient="row",
    )
    nobody = pl.DataFrame(schema={**dict.fromkeys([*IDENTIFIER, "customer_id"], pl.String), "seq": pl.Int64})
    before = nobody if decided is None else decided
    word = said(ledger, stated, NAMED, REGISTRY)
    contested = pl.Series([], dtype=pl.Int64)
    found = resolve(stated, told().head(0).select("value_id"), edges, contested, before, REGISTRY, "key", word)
    new = found.identifiers.filter("is_new").select(
        *IDENTIFIER,
        "customer_id",
        seq=pl.lit(1 + int(before["seq"].max() or 0), pl.Int64),  # type: ignore[arg-type]
    )
    return dict(found.customers.iter_rows()), pl.concat([before, new])


def test_one_customer_is_taken_apart_and_put_together_again(store: Store) -> None:
    together, decided = customers(store)
    assert together[1] == together[2] == together[3] != together[4]
    word = decide(store, NOT_SAME, UNION, PHONE)
    apart, decided = customers(store, decided)
    assert apart[2] == apart[3] != apart[1]
    undo(store, word)
    again, decided = customers(store, decided)
    assert again == together
    undo(store, word + 1)
    assert customers(store, decided)[0] == apart, "the undo of the undo finds the ids of the first time"


def test_two_customers_become_one_against_a_unique_identifier_and_get_their_ids_back(store: Store) -> None:
    before, decided = customers(store)
    word = decide(store, SAME, UNION, Anchor("unionid", "u2"))
    one, decided = customers(store, decided)
    assert one[1] == one[4] in set(before.values())
    undo(store, word)
    assert customers(store, decided)[0] == before


def test_two_whole_customers_become_one_also_when_each_has_a_card_of_its_own(store: Store) -> None:
    """The accident: the link of people joins two contacts, and the card of one is cut off because the other has one."""
    records = {
        1: {"external_userid": "e1"},
        2: {"external_userid": "e1", "phone": "+8613900000001"},
        3: {"phone": "+8613900000001", "member_no": "m1"},
        4: {"member_no": "m2"},
    }
    decide(store, SAME, Anchor("external_userid", "e1"), Anchor("member_no", "m2"))
    assert len(set(customers(store, records=records)[0].values())) == 1


def test_two_words_that_contradict_each_other_through_a_third_leave_people_apart(store: Store) -> None:
    decide(store, NOT_SAME, UNION, Anchor("unionid", "u2"))
    decide(store, SAME, Anchor("record", "orders:S1:T9"), Anchor("unionid", "u2"))
    of = customers(store)[0]
    assert of[1] != of[4]
