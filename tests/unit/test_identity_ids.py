"""Ids of customers by hand-made groups. The accident: two people under one id, because the value that made it was given
away before, and so was the one that came after it."""

import random
from datetime import datetime

import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.ids import IDENTIFIER, Named, name_customers
from models.identity.observing import value_ids

REGISTRY = IdentityRegistry.parse("identifiers: [{name: member_no}, {name: phone}]", name="identity.yaml")
NOBODY = pl.DataFrame(schema={**dict.fromkeys([*IDENTIFIER, "customer_id"], pl.String), "seq": pl.Int64})
Stated = list[tuple[int, str, str]]


def named(groups: dict[int, int], stated: Stated, decided: pl.DataFrame) -> Named:
    """groups: of each persona the first of its group. stated: persona, identifier_type, identifier."""
    people = sorted(groups)
    place = {persona: node for node, persona in enumerate(people)}
    nodes = pl.DataFrame(
        {"persona_id": people, "component": [place[groups[persona]] for persona in people]},
        schema={"persona_id": pl.Int64, "component": pl.Int32},
    )
    schema = {"node": pl.Int32, **dict.fromkeys(IDENTIFIER, pl.String)}
    frame = pl.DataFrame([(place[one], kind, value) for one, kind, value in stated], schema=schema, orient="row")
    frame = frame.with_columns(value_ids(frame), first_seen_at=datetime(2026, 1, 1))
    return name_customers(nodes, frame, decided, REGISTRY, "key")


def decided_by(*rows: tuple[str, str, str]) -> pl.DataFrame:
    schema = dict.fromkeys([*IDENTIFIER, "customer_id"], pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(seq=pl.lit(1, pl.Int64))


def test_a_value_whose_ids_are_others_by_now_makes_a_new_one_each_time() -> None:
    """The same number is a new customer's for the third time."""
    stated: Stated = [(1, "phone", "P"), (2, "phone", "Q"), (3, "phone", "R")]
    (first,) = named({1: 1}, stated[:1], NOBODY).customers["customer_id"]
    of_q = ("phone", "Q", first)
    again = dict(named({1: 1, 2: 2}, stated[:2], decided_by(of_q)).customers.iter_rows())
    assert again[2] == first != again[1]
    of_r = ("phone", "R", again[1])
    third = dict(named({1: 1, 2: 2, 3: 3}, stated, decided_by(of_q, of_r)).customers.iter_rows())
    assert (third[2], third[3]) == (first, again[1])
    assert len(set(third.values())) == 3


def test_no_two_groups_ever_have_one_id_and_what_is_new_was_not_decided_so() -> None:
    """Few values, which go from hand to hand over ten runs. A shared value is of one who states it."""
    for seed in range(3):
        chance, decided = random.Random(seed), NOBODY
        for run in range(1, 11):
            people = sorted(chance.sample(range(40), 25))
            size = chance.choice((1, 2, 3))
            groups = {persona: people[place - place % size] for place, persona in enumerate(people)}
            stated = [(one, kind, str(chance.randrange(12))) for one in people for kind in ("member_no", "phone")]
            found = named(groups, stated, decided)
            of_groups = {(groups[persona], customer) for persona, customer in found.customers.iter_rows()}
            assert len({first for first, _ in of_groups}) == len({customer for _, customer in of_groups})
            assert len(of_groups) == len({first for first, _ in of_groups})
            owners = found.identifiers
            assert owners.select(IDENTIFIER).is_unique().all()
            states = {(kind, value, groups[one]) for one, kind, value in stated}
            of_id = {customer: first for first, customer in of_groups}
            values = owners.filter(pl.col("identifier_type") != "persona")
            assert all((kind, value, of_id[owner]) in states for kind, value, owner, _ in values.iter_rows())
            known = {(kind, value): owner for kind, value, owner, _ in decided.sort("seq").iter_rows()}
            assert all(
                is_new == (known.get((kind, value)) != owner) for kind, value, owner, is_new in owners.iter_rows()
            )
            fresh = owners.filter("is_new").select(*IDENTIFIER, "customer_id", seq=pl.lit(run, pl.Int64))
            decided = pl.concat([decided, fresh])
