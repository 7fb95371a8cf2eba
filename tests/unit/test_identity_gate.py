"""What a run finds out about who is who is judged before anybody sees it."""

import random
from collections import Counter
from datetime import datetime

import polars as pl
import pytest

from models.documents.identity import IdentityGate, IdentityRegistry
from models.documents.loading import DocumentError
from models.identity.clusters import Resolution, resolve
from models.identity.gate import FIGURES, IdentityGateError, conflicts_of, figures, stop_when_broken
from models.identity.history import EVENTS_SCHEMA, Before
from models.identity.observing import observe

GATE = IdentityGate(largest_customer=3, judged_from=2)


def people(rows: dict[int, str]) -> pl.DataFrame:
    return pl.DataFrame({"persona_id": list(rows), "customer_id": list(rows.values())})


def seen(decided: pl.DataFrame) -> Before:
    """Decided by the first run."""
    return Before(
        decided.with_columns(seq=pl.lit(1, pl.Int64)), pl.DataFrame(schema={**EVENTS_SCHEMA, "seq": pl.Int64})
    )


def owned(rows: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [("phone", phone, customer) for phone, customer in rows.items()],
        schema=dict.fromkeys(["identifier_type", "identifier", "customer_id"], pl.String),
        orient="row",
    )


def found_now(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """With is_new: not decided so before."""
    known = before.with_columns(is_new=pl.lit(value=False))
    return now.join(known, on=now.columns, how="left").with_columns(pl.col("is_new").fill_null(value=True))


def told(customers: pl.DataFrame, now: pl.DataFrame, before: pl.DataFrame, gate: IdentityGate = GATE) -> dict[str, str]:
    found = figures(customers, found_now(now, before), 0, 0.0, seen(before), gate)
    return {figure.name: "passed" if figure.passed else "failed" for figure in found}


def test_every_figure_is_a_check() -> None:
    assert tuple(told(people({1: "A"}), owned({"1": "A"}), owned({}))) == FIGURES


def test_a_mega_person_stops_the_run() -> None:
    customers = people(dict.fromkeys(range(4), "A"))
    found = figures(customers, found_now(owned({"1": "A"}), owned({})), 0, 0.0, seen(owned({})), GATE)
    with pytest.raises(IdentityGateError, match="largest_customer is 4, the gate allows 3"):
        stop_when_broken(found)


def test_two_values_of_a_unique_identifier_are_a_conflict_unless_a_person_said_so() -> None:
    stated = pl.DataFrame(
        [(1, "unionid", "U1"), (2, "unionid", "U2"), (3, "phone", "1"), (4, "phone", "2")],
        schema=["persona_id", "identifier_type", "identifier"],
        orient="row",
    )
    customers = people({1: "A", 2: "A", 3: "B", 4: "B"})
    nobody = pl.DataFrame({"left_persona": []}, schema={"left_persona": pl.Int64})
    assert conflicts_of(stated, customers, nobody, ["unionid"]).rows() == [("A", "unionid")]
    assert conflicts_of(stated, customers, pl.DataFrame({"left_persona": [1]}), ["unionid"]).is_empty()
    found = figures(customers, found_now(owned({}), owned({})), 1, 0.0, seen(owned({})), IdentityGate())
    assert [figure.name for figure in found if not figure.passed] == ["unique_conflicts"]


def test_ids_that_move_are_measured_against_the_runs_before() -> None:
    before = owned({"1": "A", "2": "B", "3": "C", "4": "D"})
    same = told(people({1: "A", 2: "B", 3: "C", 4: "D"}), before, before)
    assert same["moved_identifiers"] == same["gone_customers"] == "passed"
    merged = owned({"1": "A", "2": "A", "3": "C", "4": "D"})
    moved = told(people({1: "A", 2: "A", 3: "C", 4: "D"}), merged, before)
    assert moved["moved_identifiers"] == moved["gone_customers"] == "failed"
    small = told(people({1: "A", 2: "A"}), merged, before, IdentityGate(judged_from=500))
    assert small["moved_identifiers"] == small["gone_customers"] == "passed"


def test_a_registry_that_brings_everybody_together_changes_the_consolidation() -> None:
    before = pl.DataFrame(
        [("persona", str(n), f"C{n}") for n in range(4)],
        schema=["identifier_type", "identifier", "customer_id"],
        orient="row",
    )
    assert told(people({n: f"C{n}" for n in range(4)}), before, before)["consolidation_change"] == "passed"
    assert told(people(dict.fromkeys(range(4), "C0")), before, before)["consolidation_change"] == "failed"


def resolved(chance: random.Random, phones: pl.DataFrame, links: int, decided: pl.DataFrame) -> Resolution:
    """Links anywhere."""
    registry = IdentityRegistry.parse("identifiers: [{name: phone}]", name="identity.yaml")
    people = phones["persona_id"].to_list()
    pairs = sorted({tuple(sorted(chance.sample(people, 2))) for _ in range(links)})
    edges = pl.DataFrame(
        {"left_persona": [left for left, _ in pairs], "right_persona": [right for _, right in pairs]}
    ).with_columns(
        rule=pl.lit("rule"), link_key=pl.lit(0, pl.Int64), rule_seq=pl.lit(1), refusal=pl.lit(None, pl.String)
    )
    seen_at = [pl.lit(datetime(2026, 1, 1)).alias(name) for name in ("first_seen_at", "last_seen_at")]
    observed = observe(phones.with_columns(seen_at), pl.Series([], dtype=pl.String), registry)
    nobody = pl.Series([], dtype=pl.Int64)
    return resolve(observed, observed.head(0).select("value_id"), edges, nobody, decided, registry, "key")


def counted(found: Resolution, decided: pl.DataFrame) -> dict[str, float]:
    """The figures against the runs before, by hand: identifier by identifier."""
    before: dict[tuple[str, str], str] = {}
    for kind, identifier, customer, _ in decided.sort("seq").iter_rows():
        before[kind, identifier] = customer
    now = {(kind, identifier): customer for kind, identifier, customer, _ in found.identifiers.iter_rows()}
    both = now.keys() & before.keys()
    ids_before = set(before.values())
    people = [of for of in both if of[0] == "persona"]
    after, earlier = (len({owners[one] for one in people}) for owners in (now, before))
    return {
        "largest_customer": max(Counter(found.customers["customer_id"]).values()),
        "moved_identifiers": round(sum(now[one] != before[one] for one in both) / len(both), 6),
        "gone_customers": round(len(ids_before - set(now.values())) / len(ids_before), 6),
        "consolidation_change": round(abs(after - earlier) / len(people), 6),
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_figures_are_what_counting_by_hand_gives(seed: int) -> None:
    """Three runs in which people are joined and fall apart, share phones, come and go."""
    chance = random.Random(seed)
    schema = {**dict.fromkeys(["identifier_type", "identifier", "customer_id"], pl.String), "seq": pl.Int64}
    decided = pl.DataFrame(schema=schema)
    for run, links in enumerate((15, 40, 25), start=1):
        people = sorted(chance.sample(range(1, 90), 70))
        phones = pl.DataFrame({"persona_id": people, "phone": [f"+86139{person % 61:08}" for person in people]})
        found = resolved(chance, phones, links, decided)
        before = Before(decided, pl.DataFrame(schema={**EVENTS_SCHEMA, "seq": pl.Int64}))
        told = figures(found.customers, found.identifiers, 0, 0.0, before, IdentityGate())
        if run > 1:
            expected = counted(found, decided)
            assert min(expected.values()) > 0, "a figure of nothing proves nothing"
            values = {figure.name: figure.value for figure in told}
            assert {name: values[name] for name in expected} == pytest.approx(expected, abs=2e-6)
        new = found.identifiers.filter("is_new").drop("is_new").with_columns(seq=pl.lit(run, pl.Int64))
        decided = pl.concat([decided, new])


def test_what_is_wrong_in_the_document_is_said_in_both_languages() -> None:
    text = "identifiers: [{name: phone, blocked_patterns: ['(']}, {name: phone}]\ngate: {cut_links: 2, spelt: 1}"
    with pytest.raises(DocumentError) as refused:
        IdentityRegistry.parse(text, name="identity.yaml")
    words = str(refused.value)
    assert "gate.cut_links: Input should be less than or equal to 1（不应大于 1" in words
    assert "gate.spelt: Extra inputs are not permitted（没有这个字段" in words
    assert '"(" is no regular expression' in words and "不是正确的正则表达式" in words
    with pytest.raises(DocumentError, match=r"phone is listed twice; keep one（phone 重复"):
        IdentityRegistry.parse("identifiers: [{name: phone}, {name: phone}]", name="identity.yaml")
